//! Whole copies of an app's data folder, taken and put back while nothing uses it.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use newleaf_domain::ByteSize;
use rusqlite::{Connection, OpenFlags};

use super::DATABASE_FILE;

/// How long a checkpoint waits for the last user to go: nobody should be there.
const SETTLE_WAIT: Duration = Duration::from_secs(1);

/// Why a snapshot was not taken or not put back.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A file or folder cannot be read, made or written.
    #[error("{action} {path}")]
    File {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Somebody still uses the database, so a copy could be torn.
    #[error("{path} is still in use")]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// SQLite cannot settle the database.
    #[error("settle {path}")]
    Settle {
        /// The database.
        path: PathBuf,
        /// SQLite's reason.
        #[source]
        source: rusqlite::Error,
    },
    /// There is a snapshot of that name already; it is not replaced, since the data may have
    /// changed since.
    #[error("{path} exists already")]
    Exists {
        /// The snapshot.
        path: PathBuf,
    },
    /// There is no snapshot to put back.
    #[error("there is no snapshot in {path}")]
    NoSnapshot {
        /// Where it should be.
        path: PathBuf,
    },
}

impl CopyError {
    /// Whether there was no room left.
    fn is_disk_full(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, Self::File { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded))
    }
}

/// Copies the data folder of an app that nobody uses to `destination`, which must not exist; gives
/// the size of the copy. An app that has stored nothing has an empty snapshot.
///
/// Blocks on the disk. The copy is durable when this returns; where the filesystem can share
/// blocks between files, none are copied.
pub fn snapshot(data: &Path, destination: &Path) -> Result<ByteSize, CopyError> {
    if destination.exists() {
        return Err(CopyError::Exists { path: destination.to_owned() });
    }
    let database = data.join(DATABASE_FILE);
    if database.exists() {
        settle(&database)?;
    }
    let partial = sibling(destination, "partial");
    remove_if_there(&partial)?;
    // What there is of a copy that failed would fill the disk for whoever comes next.
    let copied = copy_folder(data, &partial).inspect_err(|_| forget(&partial))?;
    fs::rename(&partial, destination).map_err(file("make", destination))?;
    sync_parent(destination)?;
    Ok(ByteSize::bytes(copied))
}

/// Puts the snapshot in `source` back as the data folder.
///
/// Where the disk has room, what was there is removed only once the copy is whole. Where it has
/// none, what was there makes room for the copy, after the snapshot has been read to its end once.
/// The snapshot stays, so after a crash or an error at any instant the call can be made again; until
/// it has succeeded the data folder counts for nothing, and may be missing.
///
/// Nobody may have the database open: a connection would go on writing to what is removed.
pub fn restore(source: &Path, data: &Path) -> Result<(), CopyError> {
    if !source.is_dir() {
        return Err(CopyError::NoSnapshot { path: source.to_owned() });
    }
    let way = WayBack::new(source, data);
    match way.go(&WITH_ROOM) {
        Err(error) if error.is_disk_full() => {
            tracing::warn!(data = %data.display(), "no room for a second copy: the data is removed before its snapshot is put back");
            way.go(&WITHOUT_ROOM)
        }
        done => done,
    }
}

/// One step of a restore. Each can be made again after any of the others.
type Step = fn(&WayBack) -> Result<(), CopyError>;

/// The steps where both copies fit on the disk.
const WITH_ROOM: [Step; 4] =
    [WayBack::copy, WayBack::put_aside, WayBack::take_place, WayBack::free];

/// The steps where one has to go before the other can come.
const WITHOUT_ROOM: [Step; 6] = [
    WayBack::discard_copy,
    WayBack::read_through,
    WayBack::put_aside,
    WayBack::free,
    WayBack::copy,
    WayBack::take_place,
];

/// The folders of one restore, neighbours all but the first.
struct WayBack {
    source: PathBuf,
    data: PathBuf,
    fresh: PathBuf,
    old: PathBuf,
}

impl WayBack {
    fn new(source: &Path, data: &Path) -> Self {
        Self {
            source: source.to_owned(),
            data: data.to_owned(),
            fresh: sibling(data, "restored"),
            old: sibling(data, "replaced"),
        }
    }

    fn go(&self, steps: &[Step]) -> Result<(), CopyError> {
        steps.iter().try_for_each(|step| step(self))
    }

    fn copy(&self) -> Result<(), CopyError> {
        self.discard_copy()?;
        copy_folder(&self.source, &self.fresh).inspect_err(|_| forget(&self.fresh))?;
        Ok(())
    }

    fn discard_copy(&self) -> Result<(), CopyError> {
        remove_if_there(&self.fresh)
    }

    /// Reads every byte of the snapshot: what cannot be read must not cost the data that is there.
    fn read_through(&self) -> Result<(), CopyError> {
        read_folder(&self.source)
    }

    fn put_aside(&self) -> Result<(), CopyError> {
        if !self.data.exists() {
            return Ok(());
        }
        self.free()?;
        fs::rename(&self.data, &self.old).map_err(file("move away", &self.data))?;
        sync_parent(&self.data)
    }

    fn take_place(&self) -> Result<(), CopyError> {
        fs::rename(&self.fresh, &self.data).map_err(file("put back", &self.data))?;
        sync_parent(&self.data)
    }

    fn free(&self) -> Result<(), CopyError> {
        remove_if_there(&self.old)
    }
}

/// Moves the write-ahead log into the database file and proves that nobody else has it open.
fn settle(database: &Path) -> Result<(), CopyError> {
    let failed = |source| CopyError::Settle { path: database.to_owned(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags).map_err(failed)?;
    connection.busy_timeout(SETTLE_WAIT).map_err(failed)?;
    let busy: bool = connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .map_err(failed)?;
    if busy {
        return Err(CopyError::InUse { path: database.to_owned() });
    }
    connection.close().map_err(|(_, source)| failed(source))
}

fn copy_folder(from: &Path, to: &Path) -> Result<u64, CopyError> {
    DirBuilder::new().recursive(true).mode(0o700).create(to).map_err(file("make", to))?;
    let mut copied = 0;
    if from.exists() {
        for entry in fs::read_dir(from).map_err(file("read", from))? {
            let entry = entry.map_err(file("read", from))?;
            let (source, target) = (entry.path(), to.join(entry.file_name()));
            if entry.file_type().map_err(file("read", &source))?.is_dir() {
                copied += copy_folder(&source, &target)?;
            } else if !is_transient(&source) {
                copied += copy_file(&source, &target)?;
            }
        }
    }
    sync(to)?;
    Ok(copied)
}

fn read_folder(folder: &Path) -> Result<(), CopyError> {
    for entry in fs::read_dir(folder).map_err(file("read", folder))? {
        let entry = entry.map_err(file("read", folder))?;
        let path = entry.path();
        if entry.file_type().map_err(file("read", &path))?.is_dir() {
            read_folder(&path)?;
        } else {
            let read = File::open(&path).and_then(|mut file| io::copy(&mut file, &mut io::sink()));
            read.map_err(file("read", &path))?;
        }
    }
    Ok(())
}

/// SQLite's shared memory is made anew at every opening. The log is not left out: were it not
/// empty after all, the database would be nothing without it.
fn is_transient(path: &Path) -> bool {
    path.to_string_lossy().ends_with("-shm")
}

fn copy_file(from: &Path, to: &Path) -> Result<u64, CopyError> {
    // `std::fs::copy` lets the kernel share the blocks where it can.
    let copied = fs::copy(from, to).map_err(file("copy", from))?;
    sync(to)?;
    Ok(copied)
}

fn sync(path: &Path) -> Result<(), CopyError> {
    File::open(path).and_then(|opened| opened.sync_all()).map_err(file("sync", path))
}

fn sync_parent(path: &Path) -> Result<(), CopyError> {
    path.parent().map_or(Ok(()), sync)
}

/// A neighbour of `path`, such as `notes.partial`, so that a rename stays on one filesystem.
fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

fn remove_if_there(path: &Path) -> Result<(), CopyError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file("remove", path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Removes what is left of a copy that failed; the next one starts by removing it again.
fn forget(partial: &Path) {
    if let Err(error) = remove_if_there(partial) {
        tracing::warn!(path = %partial.display(), %error, "a part of a copy stays");
    }
}

pub(super) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CopyError {
    let path = path.to_owned();
    move |source| CopyError::File { action, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(database: &Path, text: &str) {
        let connection = Connection::open(database).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        connection.execute_batch("CREATE TABLE IF NOT EXISTS t (x TEXT); DELETE FROM t").unwrap();
        connection.execute("INSERT INTO t VALUES (?1)", [text]).unwrap();
    }

    fn read(database: &Path) -> String {
        Connection::open(database)
            .unwrap()
            .query_row("SELECT x FROM t", [], |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn a_snapshot_brings_back_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let (data, kept) = (folder.path().join("data"), folder.path().join("kept"));
        fs::create_dir(&data).unwrap();
        write(&data.join(DATABASE_FILE), "before");
        assert!(snapshot(&data, &kept).unwrap().as_u64() > 0);
        write(&data.join(DATABASE_FILE), "after");
        restore(&kept, &data).unwrap();
        assert_eq!(read(&data.join(DATABASE_FILE)), "before");
        restore(&kept, &data).unwrap();
    }

    /// A snapshot that says `before`, data that says `after`, and nothing beside.
    fn two_states(folder: &Path) -> WayBack {
        let (data, kept) = (folder.join("data"), folder.join("kept"));
        fs::create_dir(&data).unwrap();
        write(&data.join(DATABASE_FILE), "before");
        snapshot(&data, &kept).unwrap();
        write(&data.join(DATABASE_FILE), "after");
        WayBack::new(&kept, &data)
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_restore_that_is_killed_after_any_step_is_made_again() {
        for steps in [&WITH_ROOM[..], &WITHOUT_ROOM[..]] {
            for done in 0..=steps.len() {
                let folder = tempfile::tempdir().unwrap();
                let way = two_states(folder.path());
                way.go(&steps[..done]).unwrap();
                restore(&way.source, &way.data).unwrap();
                assert_eq!(read(&way.data.join(DATABASE_FILE)), "before", "after {done} steps");
                assert_eq!(names(folder.path()), ["data", "kept"], "after {done} steps");
            }
        }
    }

    #[test]
    fn a_restore_that_is_killed_within_a_step_is_made_again() {
        let half_removed = |way: &WayBack| {
            way.put_aside().unwrap();
            fs::remove_file(way.old.join(DATABASE_FILE)).unwrap();
        };
        let half_copied = |way: &WayBack| {
            half_removed(way);
            way.free().unwrap();
            fs::create_dir(&way.fresh).unwrap();
            fs::write(way.fresh.join(DATABASE_FILE), "SQLite form").unwrap();
        };
        for half_done in [&half_removed as &dyn Fn(&WayBack), &half_copied] {
            let folder = tempfile::tempdir().unwrap();
            let way = two_states(folder.path());
            half_done(&way);
            restore(&way.source, &way.data).unwrap();
            assert_eq!(read(&way.data.join(DATABASE_FILE)), "before");
            assert_eq!(names(folder.path()), ["data", "kept"]);
        }
    }

    #[test]
    fn without_room_the_data_is_gone_before_its_snapshot_is_copied() {
        let folder = tempfile::tempdir().unwrap();
        let way = two_states(folder.path());
        way.go(&WITHOUT_ROOM[..4]).unwrap();
        assert_eq!(names(folder.path()), ["kept"]);
    }

    #[test]
    fn a_snapshot_that_cannot_be_read_costs_no_data() {
        let folder = tempfile::tempdir().unwrap();
        let way = two_states(folder.path());
        fs::remove_file(way.source.join(DATABASE_FILE)).unwrap();
        std::os::unix::fs::symlink("nowhere", way.source.join(DATABASE_FILE)).unwrap();
        way.go(&WITHOUT_ROOM).unwrap_err();
        assert_eq!(read(&way.data.join(DATABASE_FILE)), "after");
    }

    #[test]
    fn a_database_in_use_is_not_copied() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        write(&data.join(DATABASE_FILE), "x");
        let reader = Connection::open(data.join(DATABASE_FILE)).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM t").unwrap();
        write(&data.join(DATABASE_FILE), "y");
        let refused = snapshot(&data, &folder.path().join("kept"));
        assert!(
            matches!(refused, Err(CopyError::InUse { .. } | CopyError::Settle { .. })),
            "{refused:?}"
        );
    }

    #[test]
    fn an_app_without_data_has_an_empty_snapshot() {
        let folder = tempfile::tempdir().unwrap();
        let (data, kept) = (folder.path().join("data"), folder.path().join("kept"));
        assert_eq!(snapshot(&data, &kept).unwrap(), ByteSize::bytes(0));
        restore(&kept, &data).unwrap();
        assert!(data.is_dir());
    }

    #[test]
    fn restoring_from_nowhere_leaves_the_data() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        let refused = restore(&folder.path().join("nowhere"), &data);
        assert!(matches!(refused, Err(CopyError::NoSnapshot { .. })) && data.is_dir());
    }
}
