//! A disk of half a MiB that a test fills to the last byte. Mounting one needs root.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What tmpfs gives a file at a time, in bytes: what is left of it is free even on a full disk.
const PAGE: u64 = 4096;

/// A small disk, taken away again when this is dropped.
pub(crate) struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts one over the folder `path`; none where this machine or tier does not allow it, and
    /// then `test` is counted as left out.
    pub(crate) fn over(path: &Path, test: &str) -> Option<Self> {
        if !matches!(std::env::var("NEWLEAF_TIER").as_deref(), Ok("system" | "all")) {
            return told(&format!("left: {test} runs with cargo verify --system\n"));
        }
        if !rustix::process::geteuid().is_root() {
            return told(&format!("skipped: {test} needs root\n"));
        }
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", "size=512k", "tmpfs"]).arg(path).status();
        assert!(mounted.unwrap().success(), "mount a small disk");
        Some(Self { path: path.to_owned() })
    }

    /// Takes every byte that is free, those behind the end of the file `last` included.
    pub(crate) fn fill(&self, last: &Path) {
        let length = std::fs::metadata(last).unwrap().len();
        let mut padding = vec![b' '; usize::try_from(PAGE - length % PAGE).unwrap()];
        *padding.last_mut().unwrap() = b'\n';
        OpenOptions::new().append(true).open(last).unwrap().write_all(&padding).unwrap();
        let mut filler = File::create(self.filler()).unwrap();
        let full = std::iter::repeat_with(|| filler.write_all(&[0; 512])).find_map(Result::err);
        assert_eq!(full.unwrap().kind(), io::ErrorKind::StorageFull);
    }

    /// Gives back what was taken.
    pub(crate) fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    /// Lets nobody write any more, as the system does once a disk fails.
    pub(crate) fn only_read(&self) {
        let mut mount = Command::new("mount");
        mount.args(["-o", "remount,ro"]).arg(&self.path);
        // A program that has just ended may still have a file open for a moment.
        while !mount.status().unwrap().success() {
            std::thread::yield_now();
        }
    }

    fn filler(&self) -> PathBuf {
        self.path.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A disk that is busy goes once nobody uses it.
        drop(Command::new("umount").arg("--lazy").arg(&self.path).status());
    }
}

/// Counted by `cargo verify`, as what every other crate leaves out is.
fn told<T>(line: &str) -> Option<T> {
    io::stdout().write_all(line.as_bytes()).unwrap();
    if let Some(path) = std::env::var_os("NEWLEAF_SKIP_FILE") {
        let file = OpenOptions::new().append(true).create(true).open(path);
        file.unwrap().write_all(line.as_bytes()).unwrap();
    }
    None
}
