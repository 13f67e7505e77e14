//! A disk of some hundred KiB that can be filled to the last byte, made read-only, and freed.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the disk gives a file at a time.
const PAGE: usize = 4096;

/// A small disk in memory, taken away again when this is dropped. Needs root.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts one of `kib` KiB at the folder `path`, which is made.
    pub fn mount(path: &Path, kib: usize) -> Self {
        std::fs::create_dir_all(path).unwrap();
        let size = format!("size={kib}k");
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(path).status();
        assert!(mounted.unwrap().success(), "mount a small disk");
        Self { path: path.to_owned() }
    }

    /// Takes all room but so many pages.
    pub fn leave(&self, pages: usize) {
        let mut filler = File::create(self.filler()).unwrap();
        let full = std::iter::repeat_with(|| filler.write_all(&[0; PAGE])).find_map(Result::err);
        assert_eq!(full.unwrap().kind(), ErrorKind::StorageFull);
        let taken = filler.metadata().unwrap().len();
        filler.set_len(taken.saturating_sub((pages * PAGE) as u64)).unwrap();
    }

    /// Gives back what was taken.
    pub fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
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
