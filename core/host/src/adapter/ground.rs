//! Measures the machine: writes a file where an update would, asks the filesystem for its room.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use newleaf_domain::ByteSize;
use newleaf_update::port::{
    Area, ColdStart, Filesystem, Ground, GroundError, Locality, Probe, ProbeFault, ProbeResult,
    Probed, Space,
};
use newleaf_update::view::{Notice, Severity};

use super::cold_start::{self, Listening};
use super::files::blocking;
use crate::http::tls::Certificates;

/// The machine under one host's folder.
#[derive(Debug, Clone)]
pub(crate) struct HostGround {
    dir: PathBuf,
    certificates: Certificates,
    listening: Listening,
}

impl HostGround {
    /// The machine under `dir`, and the addresses of its host.
    pub(crate) fn new(dir: &Path, listening: Listening) -> Self {
        Self { dir: dir.to_owned(), certificates: Certificates::default(), listening }
    }

    /// The same, with the certificates that the host serves.
    pub(crate) fn with(self, certificates: Certificates) -> Self {
        Self { certificates, ..self }
    }

    fn path(&self, area: Area) -> PathBuf {
        match area.folder() {
            "" => self.dir.clone(),
            folder => self.dir.join(folder),
        }
    }

    /// Which files of the area are written where they lie.
    const fn files(area: Area) -> Files {
        match area {
            Area::Root => {
                Files::Named(&["journal.jsonl", "newleaf.db", "newleaf.db-wal", "newleaf.db-shm"])
            }
            Area::Downloads | Area::Data => Files::All,
            Area::Staging | Area::Slots | Area::Snapshots | Area::Trust | Area::Cache => {
                Files::None
            }
        }
    }

    fn failed(&self, source: io::Error) -> GroundError {
        GroundError { path: self.dir.clone(), source }
    }
}

#[async_trait]
impl Ground for HostGround {
    async fn probe(&self, area: Area) -> Probe {
        let (path, files) = (self.path(area), Self::files(area));
        blocking(move || probe_all(path, files)).await
    }

    async fn space(&self) -> Result<Space, GroundError> {
        let found = rustix::fs::statvfs(&self.dir).map_err(|errno| self.failed(errno.into()))?;
        let free = found.f_bavail.saturating_mul(found.f_frsize);
        // 0 of 0: a filesystem that makes inodes as it goes, such as btrfs.
        let inodes = (found.f_files > 0).then_some(found.f_favail);
        Ok(Space { path: self.dir.clone(), free: ByteSize::bytes(free), inodes })
    }

    async fn filesystem(&self) -> Result<Filesystem, GroundError> {
        let (kind, locality) = filesystem_of(&self.dir).map_err(|error| self.failed(error))?;
        let own = mount_of(&self.dir).map_err(|error| self.failed(error))?;
        let is_elsewhere = |path: &PathBuf| mount_of(path).is_ok_and(|mount| mount != own);
        let elsewhere = Area::ALL.map(|area| self.path(area)).into_iter().find(is_elsewhere);
        // Programs are started from where they are kept, and asked for their self-test before.
        let started = [Area::Slots, Area::Staging].map(|area| self.path(area));
        let noexec = started.into_iter().find(|path| is_noexec(path));
        Ok(Filesystem { path: self.dir.clone(), kind, locality, elsewhere, noexec })
    }

    fn notices(&self) -> Vec<Notice> {
        let mistake = crate::config::mistake(&self.dir).map(|text| Notice {
            severity: Severity::Error,
            text,
            todo: Some("Mend that line, then restart the service.".to_owned()),
            command: None,
            update: None,
        });
        mistake.into_iter().chain(self.certificates.notices()).collect()
    }

    fn passed(&self) -> Duration {
        let passed = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        // It is counted from the machine's start, so never below zero.
        Duration::try_from(passed).unwrap_or_default()
    }

    async fn cold_start(&self) -> ColdStart {
        let ground = self.clone();
        blocking(move || cold_start::measure(&ground.dir, &ground.listening)).await
    }
}

/// Kinds of filesystem by their number (`statfs(2)`), as far as the difference matters.
const KINDS: [(u64, &str, Locality); 19] = [
    (0xEF53, "ext4", Locality::Local),
    (0x9123_683E, "btrfs", Locality::Local),
    (0x5846_5342, "xfs", Locality::Local),
    (0x2FC1_2FC1, "zfs", Locality::Local),
    (0xF2F5_2010, "f2fs", Locality::Local),
    (0x0102_1994, "tmpfs", Locality::Local),
    (0x794C_7630, "overlayfs", Locality::Local),
    (0xCA45_1A4E, "bcachefs", Locality::Local),
    (0x6969, "nfs", Locality::Network),
    (0x517B, "smb", Locality::Network),
    (0xFF53_4D42, "cifs", Locality::Network),
    (0xFE53_4D42, "smb2", Locality::Network),
    (0x00C3_6400, "ceph", Locality::Network),
    (0x5346_414F, "afs", Locality::Network),
    (0x6B41_4653, "afs", Locality::Network),
    (0x0102_1997, "9p", Locality::Network),
    (0x0116_1970, "gfs2", Locality::Network),
    (0x7461_636F, "ocfs2", Locality::Network),
    (0x0BD0_0BD0, "lustre", Locality::Network),
];

/// The kind of filesystem that `path` lies on, and whether its disk is in this machine. A kind
/// that is not known counts as local: refusing it would refuse every new filesystem.
pub(crate) fn filesystem_of(path: &Path) -> io::Result<(String, Locality)> {
    let found = rustix::fs::statfs(path)?;
    // The field's width differs between architectures; the numbers have 32 bits.
    let number = u64::try_from(found.f_type).unwrap_or_default() & 0xFFFF_FFFF;
    let known = KINDS.iter().find(|(magic, ..)| *magic == number);
    Ok(known.map_or_else(
        || (format!("a filesystem of kind {number:#x}"), Locality::Local),
        |(_, kind, locality)| ((*kind).to_owned(), *locality),
    ))
}

/// The filesystem that `path` lies on, and its mount where the system numbers them: nothing can be
/// renamed from one mount to another, though both be of one filesystem (`rename(2)`, `EXDEV`).
fn mount_of(path: &Path) -> io::Result<(u64, Option<u64>)> {
    use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
    let device = fs::metadata(path)?.dev();
    let asked = statx(CWD, path, AtFlags::empty(), StatxFlags::MNT_ID);
    let told = |found: &rustix::fs::Statx| found.stx_mask & StatxFlags::MNT_ID.bits() != 0;
    Ok((device, asked.ok().filter(told).map(|found| found.stx_mnt_id)))
}

/// Whether nothing that lies at `path` can be run (`mount(8)`). What the system does not say is found
/// out by the self-test.
fn is_noexec(path: &Path) -> bool {
    let flags = rustix::fs::statvfs(path).map(|found| found.f_flag);
    flags.is_ok_and(|flags| flags.contains(rustix::fs::StatVfsMountFlags::NOEXEC))
}

/// The files of an area that are written where they lie; others are replaced.
#[derive(Debug, Clone, Copy)]
enum Files {
    /// None.
    None,
    /// Those of these names, where they are there.
    Named(&'static [&'static str]),
    /// All, in the folder and in those below it that are written.
    All,
}

/// Writes in `folder` and in those below it that an update adds entries to, and asks for the files
/// in them; the first that refuses is what is told.
fn probe_all(folder: PathBuf, files: Files) -> Probe {
    let below = written_below(&folder);
    let written = match files {
        Files::None => Vec::new(),
        Files::Named(names) => names.iter().map(|name| folder.join(name)).collect(),
        Files::All => [&folder].into_iter().chain(&below).flat_map(|path| files_in(path)).collect(),
    };
    let own = probe(folder);
    if own.has_failed() {
        return own.told();
    }
    let file = |path: PathBuf| path.is_file().then(|| probe_file(path));
    let mut probes = below.into_iter().map(probe).chain(written.into_iter().filter_map(file));
    probes.find(Tried::has_failed).unwrap_or(own).told()
}

/// What came of a probe. Whose folder it is costs a look into the list of users, so it is asked
/// only of the one that is told.
struct Tried {
    path: PathBuf,
    kind: Probed,
    result: ProbeResult,
}

impl Tried {
    const fn has_failed(&self) -> bool {
        matches!(self.result, ProbeResult::Failed { .. })
    }

    fn told(self) -> Probe {
        let found = fs::metadata(&self.path).ok();
        let user = rustix::process::geteuid().as_raw();
        let name = user_name(user);
        let owner = match found.as_ref().map(MetadataExt::uid) {
            None => "nobody".to_owned(),
            Some(owner) if owner == user => name.clone(),
            Some(owner) => user_name(owner),
        };
        let mode = found.map_or(0, |found| found.mode() & 0o7777);
        Probe { kind: self.kind, owner, mode, user: name, path: self.path, result: self.result }
    }
}

/// The files in `folder`; as [`folders_in`].
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect()
}

/// Asks whether the file may be read and written, and leaves it alone.
fn probe_file(path: PathBuf) -> Tried {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    let asked = accessat(CWD, &path, Access::READ_OK | Access::WRITE_OK, AtFlags::EACCESS);
    let result = match asked.map_err(io::Error::from) {
        Ok(()) => ProbeResult::Written,
        // It went meanwhile, as the log of a database does.
        Err(error) if error.kind() == io::ErrorKind::NotFound => ProbeResult::Written,
        Err(error) => ProbeResult::Failed {
            doing: "write",
            fault: fault_of(&error),
            detail: error.to_string(),
        },
    };
    Tried { path, kind: Probed::File, result }
}

/// `core/`, and `apps/` with each namespace and app: slots and data are laid out alike. What is
/// below an app's folder of slots never changes, so it need not be writable.
fn written_below(folder: &Path) -> Vec<PathBuf> {
    let apps = folder.join("apps");
    let namespaces = folders_in(&apps);
    let names = namespaces.iter().flat_map(|namespace| folders_in(namespace)).collect::<Vec<_>>();
    let all = [vec![folder.join("core"), apps], namespaces, names].concat();
    all.into_iter().filter(|path| path.is_dir()).collect()
}

/// The folders in `folder`; none where it is not there or cannot be read, which the probe of
/// `folder` itself tells better.
fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

fn probe(path: PathBuf) -> Tried {
    let result = match write_once(&path) {
        Ok(()) => ProbeResult::Written,
        Err((doing, error)) => {
            ProbeResult::Failed { doing, fault: fault_of(&error), detail: error.to_string() }
        }
    };
    Tried { path, kind: Probed::Folder, result }
}

/// How the names of all probes begin.
const PROBE: &str = ".newleaf-probe";

/// A probe takes far below a second where the disk is well; one that is so much older than the
/// newest was left by a process that was killed.
const LEFT_AFTER: Duration = Duration::from_mins(10);

/// Does in `folder` what an update does: create, sync, rename, remove. Several may do so at once,
/// and none leaves anything behind.
fn write_once(folder: &Path) -> Result<(), (&'static str, io::Error)> {
    let mut own = [0; 8];
    getrandom::fill(&mut own).map_err(|error| ("choose a name", error.into()))?;
    let own = hex::encode(own);
    let [first, second] = ["", "-renamed"].map(|end| folder.join(format!("{PROBE}-{own}{end}")));
    let done = write_as(folder, &first, &second);
    if done.is_err() {
        // What could be made and not be removed is swept by a later probe.
        for path in [first, second] {
            drop(fs::remove_file(path));
        }
    }
    done
}

fn write_as(folder: &Path, first: &Path, second: &Path) -> Result<(), (&'static str, io::Error)> {
    let step = |doing| move |error| (doing, error);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(first).map_err(step("create a file"))?;
    io::Write::write_all(&mut file, &[0; 4096]).map_err(step("write"))?;
    file.sync_all().map_err(step("sync"))?;
    if let Ok(now) = file.metadata().and_then(|found| found.modified()) {
        sweep_left(folder, now);
    }
    fs::rename(first, second).map_err(step("rename"))?;
    fs::remove_file(second).map_err(step("remove"))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(step("sync the folder"))
}

/// Removes what killed probes left. `now` is the filesystem's own time, which need not be this
/// machine's.
fn sweep_left(folder: &Path, now: SystemTime) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in
        entries.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(PROBE.as_bytes()))
    {
        let made = entry.metadata().and_then(|found| found.modified());
        let age = made.ok().and_then(|made| now.duration_since(made).ok());
        if age.is_some_and(|age| age > LEFT_AFTER) {
            // One that stays takes 4 KiB and hinders nobody.
            drop(fs::remove_file(entry.path()));
        }
    }
}

fn fault_of(error: &io::Error) -> ProbeFault {
    const FAULTS: [(io::ErrorKind, ProbeFault); 5] = [
        (io::ErrorKind::PermissionDenied, ProbeFault::Permission),
        (io::ErrorKind::ReadOnlyFilesystem, ProbeFault::ReadOnly),
        (io::ErrorKind::StorageFull, ProbeFault::Full),
        (io::ErrorKind::QuotaExceeded, ProbeFault::Full),
        (io::ErrorKind::NotFound, ProbeFault::Missing),
    ];
    let known = FAULTS.iter().find(|(kind, _)| *kind == error.kind());
    known.map_or(ProbeFault::Other, |(_, fault)| *fault)
}

/// The user's name by `/etc/passwd`, else the number, which `chown` takes as well.
pub(super) fn user_name(uid: u32) -> String {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    named.unwrap_or_else(|| uid.to_string())
}

#[cfg(test)]
mod tests {
    use newleaf_update::port::Held;

    use super::*;

    fn ground(dir: &Path) -> HostGround {
        HostGround::new(dir, Listening { addresses: Vec::new(), held: Held::Not })
    }

    #[tokio::test]
    async fn a_folder_that_can_be_written_is_left_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let probe = ground(dir.path()).probe(Area::Root).await;
        assert_eq!(probe.result, ProbeResult::Written);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn probes_of_one_folder_do_not_stand_in_each_others_way() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        assert_eq!(probe(dir.path().to_owned()).result, ProbeResult::Written);
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_a_killed_probe_left_is_swept_and_a_young_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let [old, young] =
            [".newleaf-probed", ".newleaf-probe-77"].map(|name| dir.path().join(name));
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_hours(24);
        File::create(&old).unwrap().set_modified(long_ago).unwrap();
        File::create(&young).unwrap();
        assert_eq!(probe(dir.path().to_owned()).result, ProbeResult::Written);
        assert_eq!((old.exists(), young.exists()), (false, true));
    }

    #[tokio::test]
    async fn a_missing_folder_is_said_to_be_missing() {
        let dir = tempfile::tempdir().unwrap();
        let probe = ground(dir.path()).probe(Area::Slots).await;
        let ProbeResult::Failed { fault, .. } = probe.result else { panic!("it was written") };
        assert_eq!(fault, ProbeFault::Missing);
    }

    #[tokio::test]
    async fn the_folders_of_installed_apps_are_written_too() {
        let dir = tempfile::tempdir().unwrap();
        let app = dir.path().join("slots/apps/acme/notes");
        fs::create_dir_all(app.join("0123-1.0.0")).unwrap();
        assert_eq!(
            written_below(&dir.path().join("slots")),
            [dir.path().join("slots/apps"), dir.path().join("slots/apps/acme"), app]
        );
    }

    #[tokio::test]
    async fn room_and_filesystem_are_measured() {
        let dir = tempfile::tempdir().unwrap();
        let ground = ground(dir.path());
        assert!(ground.space().await.unwrap().free > ByteSize::bytes(0));
        let found = ground.filesystem().await.unwrap();
        assert_eq!((found.locality, found.elsewhere, found.noexec), (Locality::Local, None, None));
    }

    #[tokio::test]
    async fn what_is_written_where_it_lies_is_asked_for_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let app = dir.path().join("data/apps/acme/notes");
        fs::create_dir_all(&app).unwrap();
        for path in [dir.path().join("journal.jsonl"), app.join("sql.db")] {
            fs::write(&path, "as it was").unwrap();
            let area = if path.starts_with(&app) { Area::Data } else { Area::Root };
            assert_eq!(ground(dir.path()).probe(area).await.result, ProbeResult::Written);
            assert_eq!(fs::read(&path).unwrap(), b"as it was");
        }
    }
}
