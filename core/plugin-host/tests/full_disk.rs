//! A disk without room for two copies of an app's data: the way back is open all the same.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{fs, io::Write as _, path::Path, process::Command};

use newleaf_plugin_host::storage;

/// A filesystem of 4 MiB in memory, which goes away with the value.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// None where this user may not mount.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
            .arg(folder.path())
            .output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A mount that stays is seen by the folder that cannot be removed.
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

/// Says so, and has it counted by whoever runs all tests.
fn skipped(test: &str) {
    let line = format!("skipped: {test} needs the right to mount a filesystem\n");
    std::io::stdout().write_all(line.as_bytes()).unwrap();
    if let Some(path) = std::env::var_os("NEWLEAF_SKIP_FILE") {
        let file = fs::OpenOptions::new().append(true).create(true).open(path);
        file.unwrap().write_all(line.as_bytes()).unwrap();
    }
}

#[test]
fn a_full_disk_does_not_bar_the_way_back() {
    let Some(disk) = SmallDisk::mount() else {
        return skipped("a_full_disk_does_not_bar_the_way_back");
    };
    let (data, kept) = (disk.path().join("data"), disk.path().join("kept"));
    fs::create_dir(&data).unwrap();
    fs::write(data.join("notes"), vec![1; 1_500_000]).unwrap();
    storage::snapshot(&data, &kept).unwrap();
    fs::write(data.join("notes"), vec![2; 2_000_000]).unwrap();
    storage::restore(&kept, &data).unwrap();
    assert_eq!(fs::read(data.join("notes")).unwrap(), vec![1; 1_500_000]);
    assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 2, "something stays beside");
}

#[test]
fn a_snapshot_that_does_not_fit_leaves_nothing_behind() {
    let Some(disk) = SmallDisk::mount() else {
        return skipped("a_snapshot_that_does_not_fit_leaves_nothing_behind");
    };
    let (data, kept) = (disk.path().join("data"), disk.path().join("kept"));
    fs::create_dir(&data).unwrap();
    fs::write(data.join("notes"), vec![1; 2_500_000]).unwrap();
    storage::snapshot(&data, &kept).unwrap_err();
    assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 1, "a part of the copy stays");
}
