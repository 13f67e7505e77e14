//! The locks of a host: one launcher at a time, and no launcher beside another's workers.
//!
//! A launcher holds `run/lock` and the folder itself, a worker `run/workers` and the folder of the
//! slots: whoever clears `run` away unlocks nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;

use crate::durable::DiskError;
use crate::layout::Layout;
use crate::orphans;

/// How often a held workers' lock is asked for again.
const RETRY: Duration = Duration::from_millis(20);

/// How often a lock is asked for that somebody else may only look at.
const LOOKS: u32 = 3;

/// Why a lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another host runs on the folder.
    #[error("{} is in use by {holder}", dir.display())]
    Held {
        /// The folder.
        dir: PathBuf,
        /// The other's process id, or what is known of it.
        holder: String,
    },
    /// Workers of an earlier launcher have not gone.
    #[error("workers of an earlier host still run in {} after {waited:?}", dir.display())]
    WorkersRemain {
        /// The folder.
        dir: PathBuf,
        /// How long they were waited for.
        waited: Duration,
    },
    /// The lock file could not be used.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl LockError {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        let told = match self {
            Self::Held { .. } => "stop the other host first, or give this one its own folder",
            Self::WorkersRemain { .. } => {
                "end the processes that run from the folder's slots/core: `ps -ef | grep slots/core`"
            }
            Self::Disk(error) => return error.hint(),
        };
        told.to_owned()
    }
}

/// The right to write `state` and the journal. Held for life; the system gives it back at exit.
#[derive(Debug)]
pub struct HostLock {
    file: File,
    /// None on a filesystem that locks no folders.
    _folder: Option<File>,
}

impl HostLock {
    /// Takes the folder and `run/lock`, or names who has them. A filesystem that is read-only locks
    /// nobody out.
    ///
    /// # Errors
    /// Held by another process, or the file cannot be made.
    pub fn acquire(layout: &Layout) -> Result<Self, LockError> {
        let held = |holder: String| LockError::Held { dir: layout.dir().to_owned(), holder };
        let folder = match hold_folder(layout) {
            Hold::Had(folder) => Some(folder),
            Hold::Refused => return Err(held(holder_of(layout))),
            Hold::Unknown => None,
        };
        let mut file = match (open(layout, &layout.lock()), &folder) {
            (Ok(file), _) => file,
            (Err(error), Some(folder)) if is_read_only(&error) => {
                folder.try_clone().map_err(DiskError::on("hold", layout.dir()))?
            }
            (Err(error), _) => return Err(error.into()),
        };
        if !patiently(&file).map_err(DiskError::on("lock", &layout.lock()))? {
            return Err(held(holder(&mut file)));
        }
        // The lock is held; the name of its holder is a courtesy that a full disk may refuse.
        drop(sign(&mut file));
        Ok(Self { file, _folder: folder })
    }

    /// The lock that this very process has taken as another program. The hold on the folder ended
    /// with that program, and is taken anew.
    pub(crate) fn kept(descriptor: OwnedFd) -> Self {
        Self { file: descriptor.into(), _folder: None }
    }

    /// Holds the folder too; whoever looks at it at this moment is waited for. `run/lock` alone
    /// keeps others out where that is in vain.
    pub(crate) fn with_folder(self, layout: &Layout) -> Self {
        match hold_folder(layout) {
            Hold::Had(folder) => Self { _folder: Some(folder), ..self },
            Hold::Refused | Hold::Unknown => self,
        }
    }
}

impl AsFd for HostLock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// What came of the wish to hold the folder.
enum Hold {
    Had(File),
    Refused,
    /// It cannot be opened, or its filesystem locks no folders.
    Unknown,
}

fn hold_folder(layout: &Layout) -> Hold {
    let Ok(folder) = File::open(layout.dir()) else { return Hold::Unknown };
    match patiently(&folder) {
        Ok(true) => Hold::Had(folder),
        Ok(false) => Hold::Refused,
        Err(_) => Hold::Unknown,
    }
}

/// Whether the lock was had. Whoever only looks ([`running`]) holds it for a moment, which is
/// waited for.
fn patiently(file: &File) -> io::Result<bool> {
    for _ in 0..LOOKS {
        if try_flock(file, FlockOperation::NonBlockingLockExclusive)? {
            return Ok(true);
        }
        std::thread::sleep(RETRY);
    }
    try_flock(file, FlockOperation::NonBlockingLockExclusive)
}

/// The process id of the host that runs on the folder, where one does.
pub fn running(layout: &Layout) -> Option<String> {
    let is_free =
        |file: &File| matches!(try_flock(file, FlockOperation::NonBlockingLockShared), Ok(true));
    let folder = File::open(layout.dir()).ok()?;
    let lock = File::open(layout.lock());
    let is_held = lock.is_ok_and(|lock| !is_free(&lock));
    // A filesystem that locks no folders says so by an error, and nothing of the host.
    let folder = try_flock(&folder, FlockOperation::NonBlockingLockShared);
    (is_held || matches!(folder, Ok(false))).then(|| holder_of(layout))
}

fn holder_of(layout: &Layout) -> String {
    File::open(layout.lock())
        .map_or_else(|_| "another process".to_owned(), |mut file| holder(&mut file))
}

/// What becomes of workers of an earlier launcher that do not go by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Orphans {
    /// They are ended, and waited for once more.
    End,
    /// They are left alone.
    Leave,
}

/// Waits, for `deadline`, until no worker of an earlier launcher is left.
pub(crate) fn wait_for_workers(
    layout: &Layout,
    deadline: Duration,
    orphans: Orphans,
) -> Result<(), LockError> {
    let file = match open(layout, &layout.workers_lock()) {
        Ok(file) => file,
        // It is not there and cannot be made: no worker has it.
        Err(error) if is_read_only(&error) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    // None where there are no slots yet, and so no workers.
    let slots = File::open(layout.core_slots()).ok();
    let are_gone = || -> Result<bool, DiskError> {
        let gone = try_flock(&file, FlockOperation::NonBlockingLockExclusive)
            .map_err(DiskError::on("lock", &layout.workers_lock()))?;
        Ok(gone && slots.as_ref().is_none_or(is_let_go))
    };
    let mut start = Instant::now();
    let mut asked_nicely = orphans == Orphans::End;
    while !are_gone()? {
        if start.elapsed() >= deadline && asked_nicely && orphans::end(layout) > 0 {
            asked_nicely = false;
            start = Instant::now();
        } else if start.elapsed() >= deadline {
            let dir = layout.dir().to_owned();
            return Err(LockError::WorkersRemain { dir, waited: deadline });
        }
        std::thread::sleep(RETRY);
    }
    Ok(())
}

/// Whether nobody holds the folder. A filesystem that locks no folders says so by an error, and
/// nothing of its workers.
fn is_let_go(folder: &File) -> bool {
    !matches!(try_flock(folder, FlockOperation::NonBlockingLockExclusive), Ok(false))
}

/// A worker's hold on the folder of the slots, beside the one that the launcher gives it: nobody
/// clears that folder away. None where it cannot be had; the other one counts then.
pub fn hold_slots(layout: &Layout) -> Option<File> {
    let folder = File::open(layout.core_slots()).ok()?;
    try_flock(&folder, FlockOperation::NonBlockingLockShared).ok()?.then_some(folder)
}

/// A worker's (or its child's) hold on `run/workers`: a descriptor of its own, so that it ends
/// with the last process that has it.
///
/// # Errors
/// The file cannot be opened or locked.
pub fn hold_workers(layout: &Layout) -> Result<File, LockError> {
    let file = match open(layout, &layout.workers_lock()) {
        Ok(file) => file,
        Err(error) if is_read_only(&error) => {
            // There is nothing to hold, and nothing that a worker could change.
            return Ok(File::open(layout.dir()).map_err(DiskError::on("open", layout.dir()))?);
        }
        Err(error) => return Err(error.into()),
    };
    rustix::fs::flock(&file, FlockOperation::LockShared)
        .map_err(|error| DiskError::on("lock", &layout.workers_lock())(error.into()))?;
    Ok(file)
}

fn open(layout: &Layout, path: &Path) -> Result<File, DiskError> {
    let run = layout.run();
    match fs::DirBuilder::new().mode(0o700).create(&run) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(DiskError::on("create", &run)(error));
        }
        Ok(()) | Err(_) => {}
    }
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
    match options.open(path) {
        // One that is there can be locked all the same.
        Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => {
            File::open(path).map_err(|_| error)
        }
        opened => opened,
    }
    .map_err(DiskError::on("open", path))
}

fn is_read_only(error: &DiskError) -> bool {
    error.source.kind() == io::ErrorKind::ReadOnlyFilesystem
}

/// Whether the lock was had.
fn try_flock(file: &File, how: FlockOperation) -> io::Result<bool> {
    match rustix::fs::flock(file, how) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Writes who holds the lock: process id and boot id, so that a number from before a reboot is
/// not taken for a process of today.
fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{} {}", std::process::id(), boot_id())?;
    file.sync_data()
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    match (read, text.split_once(' ')) {
        (Ok(_), Some((pid, boot))) if boot.trim_end() == boot_id() => format!("process {pid}"),
        _ => "another process".to_owned(),
    }
}

/// The boot of the machine, as the kernel names it.
pub(crate) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| "unknown".to_owned(), |id| id.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_host_is_told_which_process_runs() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let first = HostLock::acquire(&layout).unwrap();
        let error = HostLock::acquire(&layout).unwrap_err();
        assert!(error.to_string().ends_with(&format!("process {}", std::process::id())), "{error}");
        assert!(running(&layout).is_some());
        drop(first);
        assert!(running(&layout).is_none());
        HostLock::acquire(&layout).unwrap();
    }

    #[test]
    fn clearing_run_away_unlocks_no_host() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let first = HostLock::acquire(&layout).unwrap();
        fs::remove_dir_all(layout.run()).unwrap();
        let error = HostLock::acquire(&layout).unwrap_err();
        assert!(matches!(error, LockError::Held { .. }), "{error}");
        assert!(running(&layout).is_some());
        drop(first);
        HostLock::acquire(&layout).unwrap();
    }

    /// A device that is always full takes a lock, and no name.
    #[test]
    fn a_full_disk_does_not_keep_the_lock_from_a_host() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        fs::create_dir(layout.run()).unwrap();
        std::os::unix::fs::symlink("/dev/full", layout.lock()).unwrap();
        HostLock::acquire(&layout).unwrap();
    }

    #[test]
    fn a_starting_launcher_waits_for_the_workers_of_the_last() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let worker = hold_workers(&layout).unwrap();
        let error = wait_for_workers(&layout, Duration::from_millis(30), Orphans::End).unwrap_err();
        assert!(matches!(error, LockError::WorkersRemain { .. }));
        drop(worker);
        wait_for_workers(&layout, Duration::ZERO, Orphans::End).unwrap();
    }

    #[test]
    fn clearing_run_away_lets_no_launcher_start_beside_workers() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        fs::create_dir_all(layout.core_slots()).unwrap();
        let worker = [hold_workers(&layout).unwrap(), hold_slots(&layout).unwrap()];
        let other = hold_slots(&layout).unwrap();
        fs::remove_dir_all(layout.run()).unwrap();
        let wait = || wait_for_workers(&layout, Duration::from_millis(30), Orphans::Leave);
        assert!(matches!(wait(), Err(LockError::WorkersRemain { .. })));
        drop(worker);
        assert!(matches!(wait(), Err(LockError::WorkersRemain { .. })));
        drop(other);
        wait().unwrap();
        assert!(hold_slots(&layout).is_some(), "a launcher that waited holds nothing");
    }
}
