//! A machine that does not play along: a folder that cannot be written, a full disk. The host
//! runs as an unprivileged user on a small filesystem of its own.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use newleaf_tests::process::Ran;
use newleaf_tests::skip::system_tier;
use newleaf_tests::world::{Host, HostSettings, World};

/// `nobody`, on every Linux.
const NOBODY: u32 = 65534;

/// A filesystem in memory that is unmounted at the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn new(path: &Path, mib: u64) -> Self {
        std::fs::create_dir_all(path).unwrap();
        let options = format!("size={mib}m,mode=755");
        let mut mount = Command::new("mount");
        Ran::ok(mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(path));
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        Self(path.to_owned())
    }

    /// Leaves `left` bytes free.
    fn fill(&self, left: u64) {
        let free = rustix::fs::statvfs(&self.0).unwrap();
        let bytes = (free.f_bavail * free.f_frsize).saturating_sub(left);
        let file = std::fs::File::create(self.0.join("filler")).unwrap();
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a process of the host may still be on its way out.
        let _gone = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// A host of `nobody` on a disk of 400 MiB, with notes 1.0.0 running and 2.0.0 published.
fn unprivileged() -> (Host, SmallDisk, World) {
    let world = World::new();
    std::fs::set_permissions(world.folder(), std::fs::Permissions::from_mode(0o755)).unwrap();
    world.registry.publish_app("tests/apps/notes-1.0.0");
    let disk = SmallDisk::new(&world.path("disk"), 400);
    let dir = disk.0.join("host");
    let host = Host::start_as(NOBODY, &dir, &world.registry, HostSettings::default());
    host.run(&["apps", "install", "acme/notes", "--yes"]).assert_code(0);
    host.add_note("kept", "one");
    world.registry.publish_app("plugins/notes");
    host.run(&["check"]).assert_code(0);
    (host, disk, world)
}

fn refused(host: &Host, code: i32, words: &[&str]) -> Ran {
    let ran = host.run(&["update", "acme/notes", "--yes", "--accept-permissions"]);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, code, "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not said:\n{said}");
    }
    assert_eq!(host.app_version("acme/notes"), "1.0.0");
    assert_eq!(host.count_notes("kept"), 1);
    ran
}

#[test]
fn a_slots_folder_that_cannot_be_written_is_named_with_owner_mode_and_the_mending_command() {
    if !system_tier("a slots folder that cannot be written") {
        return;
    }
    let (host, _disk, _world) = unprivileged();
    let slots = host.dir.join("slots/apps/acme/notes");
    chown(&slots, Some(0), Some(0)).unwrap();
    std::fs::set_permissions(&slots, std::fs::Permissions::from_mode(0o555)).unwrap();
    let path = slots.display().to_string();
    refused(&host, 3, &[&path, "root", "0555", "chown"]);
    let command = host.json_of(&["preflight", "acme/notes"], 3);
    let write = command.as_array().unwrap().iter().find(|one| one["id"] == "write").unwrap();
    let mends = write["command"].as_str().unwrap();
    let mended = Command::new("sh").arg("-c").arg(mends.replace("sudo ", "")).status();
    assert!(mended.unwrap().success(), "{mends}");
    assert_eq!(std::fs::metadata(&slots).unwrap().uid(), NOBODY, "{mends}");
    host.run(&["update", "acme/notes", "--yes", "--accept-permissions"]).assert_code(0);
    assert_eq!(host.app_version("acme/notes"), "2.0.0");
}

/// Pastes the command of the prerequisite `id`, which must hold then.
fn paste_command_of(host: &Host, id: &str) -> String {
    let rows = host.json_of(&["preflight", "acme/notes"], 3);
    let row = rows.as_array().unwrap().iter().find(|one| one["id"] == id).unwrap();
    let mends = row["command"].as_str().unwrap().to_owned();
    let mended = Command::new("sh").arg("-c").arg(mends.replace("sudo ", "")).status();
    assert!(mended.unwrap().success(), "{mends}");
    host.run(&["update", "acme/notes", "--yes", "--accept-permissions"]).assert_code(0);
    assert_eq!(host.app_version("acme/notes"), "2.0.0");
    mends
}

#[test]
fn a_file_that_another_user_owns_is_named_with_the_line_that_gives_it_back() {
    if !system_tier("a file of another user") {
        return;
    }
    let (host, _disk, _world) = unprivileged();
    // Open in the host, which would not get it again.
    let data = host.dir.join("data/apps/acme/notes").read_dir().unwrap();
    let file = data.map(|entry| entry.unwrap().path()).find(|path| path.is_file()).unwrap();
    chown(&file, Some(0), Some(0)).unwrap();
    refused(&host, 3, &[&file.display().to_string(), "owner root", "chown"]);
    let mends = paste_command_of(&host, "write");
    assert!(mends.starts_with("sudo chown -R "), "{mends}");
    assert_eq!(std::fs::metadata(&file).unwrap().uid(), NOBODY, "{mends}");
}

#[test]
fn slots_from_which_nothing_can_run_are_told_with_the_line_that_mounts_them_with_exec() {
    if !system_tier("a folder that is mounted noexec") {
        return;
    }
    let (host, _disk, _world) = unprivileged();
    let slots = host.dir.join("slots").display().to_string();
    // A mount of its own over the same filesystem, which goes with that.
    Ran::ok(Command::new("mount").arg("--bind").args([&host.dir, &host.dir]));
    Ran::ok(Command::new("mount").args(["-o", "remount,bind,noexec"]).arg(&host.dir));
    refused(&host, 3, &[&slots, "noexec", "remount,exec"]);
    paste_command_of(&host, "filesystem");
}

#[test]
fn a_full_disk_is_measured_before_anything_is_begun() {
    if !system_tier("a full disk") {
        return;
    }
    let (host, disk, _world) = unprivileged();
    disk.fill(256 * 1024);
    refused(&host, 3, &["free", "needed"]);
    std::fs::remove_file(disk.0.join("filler")).unwrap();
    host.run(&["update", "acme/notes", "--yes", "--accept-permissions"]).assert_code(0);
}
