//! An app's database: where it lies, how much it may hold, and the connections kept ready.

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst},
    },
    time::Instant,
};

use newleaf_domain::ByteSize;
use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    DATABASE_FILE,
    blobs::{self, BlobError, Blobs},
    guard::{BUSY_TIMEOUT, Bounds, Guarded},
    reserve::Floor,
    schema,
    spill::Room,
    statement::explain,
    turn::{Halt, Held, NoTurn, Turn, Turns},
};
use crate::limits::Limits;

/// Connections kept open between requests; more are opened under load, and closed after.
const KEPT: usize = 8;

/// What the write-ahead log may hold whatever the quota: SQLite empties it at 1,000 pages.
const LOG_ALWAYS: ByteSize = ByteSize::mib(8);

/// Statements of one app that run at one time; the others wait, and hold no thread while they do.
/// Enough for a small server's processors, and few enough to leave threads to other apps.
const AT_ONE_TIME: usize = 4;

/// Less free space than this is a full disk.
const DISK_FULL: ByteSize = ByteSize::mib(1);

/// What a request is told whose version has lost its data.
pub(super) const TAKEN_AWAY: &str = "the data belongs to another version of the app by now";

/// Why stored data could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StorageError {
    /// The admin has granted no storage.
    #[error("no storage is granted")]
    NotGranted,
    /// The guard denied the statement.
    #[error("{0}")]
    Denied(String),
    /// The write would exceed the quota.
    #[error("the storage quota is used up")]
    QuotaExceeded,
    /// A statement, key, value or result beyond its limit.
    #[error("the statement, value or result is too large")]
    TooLarge,
    /// The processor time is used up, or nobody waits any more.
    #[error("the request's processor time is used up")]
    Interrupted,
    /// Another connection held the database for too long.
    #[error("the database is busy")]
    Busy,
    /// Anything else, in SQLite's words.
    #[error("{0}")]
    Failed(String),
}

/// Counts the writes of one loaded app from when it began to serve, and goes on to be right when the
/// app is served no more: what runs of it then may still write.
#[derive(Debug, Clone)]
pub struct WriteCount {
    commits: Arc<AtomicU64>,
    not_counted: Arc<AtomicU64>,
}

impl WriteCount {
    /// The transactions until now that changed data.
    pub fn now(&self) -> u64 {
        self.commits.load(Relaxed).saturating_sub(self.not_counted.load(Relaxed))
    }
}

/// The database of one app, shared by all its instances.
#[derive(Debug)]
pub(crate) struct Database {
    folder: PathBuf,
    quota: Option<ByteSize>,
    limits: Limits,
    idle: Mutex<Vec<Guarded>>,
    /// The seats of the sessions that live.
    seats: Mutex<Vec<Weak<Seat>>>,
    /// Whether the data is another's by now; ends the statements that run.
    taken_away: Arc<AtomicBool>,
    room: Arc<Room>,
    turns: Turns,
    /// A place for each statement that runs.
    places: Arc<Semaphore>,
    commits: Arc<AtomicU64>,
    /// Commits that are not counted as writes: those before the app served.
    not_counted: Arc<AtomicU64>,
    prepared: AtomicBool,
    /// Whether files of blobs may be left that no row names: after a crash, or an error.
    unsettled: AtomicBool,
    /// What the machine failed in last, for whoever judges the app by what came of it.
    machine: Mutex<Option<String>>,
}

impl Database {
    /// The database in `folder`, up to `quota`; without one every use is refused. Nothing is
    /// opened or made before the first use.
    pub(crate) fn new(folder: &Path, quota: Option<ByteSize>, limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            folder: folder.to_owned(),
            quota,
            limits: *limits,
            idle: Mutex::default(),
            seats: Mutex::default(),
            taken_away: Arc::default(),
            room: Room::new(quota.unwrap_or_default(), Floor::below(folder, limits.reserve)),
            turns: Turns::default(),
            places: Arc::new(Semaphore::new(AT_ONE_TIME)),
            commits: Arc::default(),
            not_counted: Arc::default(),
            prepared: AtomicBool::new(false),
            unsettled: AtomicBool::new(true),
            machine: Mutex::default(),
        })
    }

    /// Transactions that changed data since [`count_writes_anew`](Self::count_writes_anew).
    pub(crate) fn writes(&self) -> u64 {
        self.write_count().now()
    }

    /// What [`writes`](Self::writes) says, for whoever outlives the database.
    pub(crate) fn write_count(&self) -> WriteCount {
        let (commits, not_counted) = (self.commits.clone(), self.not_counted.clone());
        WriteCount { commits, not_counted }
    }

    /// Forgets the writes so far, such as those of a migration.
    pub(crate) fn count_writes_anew(&self) {
        self.not_counted.store(self.commits.load(Relaxed), Relaxed);
    }

    /// The machine, not the app, is why a statement failed.
    pub(super) fn blame_machine(&self, what: String) {
        *lock(&self.machine) = Some(what);
    }

    /// What the machine failed in since this was asked last.
    pub(crate) fn take_machine_fault(&self) -> Option<String> {
        lock(&self.machine).take()
    }

    /// The app's limits.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A connection, kept or new. Blocks on the disk.
    fn take(&self) -> Result<Guarded, StorageError> {
        let quota = self.quota.ok_or(StorageError::NotGranted)?;
        if self.taken_away.load(SeqCst) {
            return Err(StorageError::Failed(TAKEN_AWAY.to_owned()));
        }
        if let Some(kept) = self.idle().pop() {
            return Ok(kept);
        }
        self.open(quota)
    }

    /// Takes a connection back. One with a transaction left open is rolled back first, and the
    /// next one may write after that.
    pub(super) fn give_back(&self, seated: Seated) {
        let Seated { guarded, mut turn } = seated;
        let clean = guarded.reset();
        if clean.is_ok() {
            self.settle(&guarded, &mut turn);
        }
        let mut idle = self.idle();
        if clean.is_ok() && idle.len() < KEPT && !self.taken_away.load(SeqCst) {
            idle.push(guarded);
        }
    }

    /// Closes the connections that nobody uses, so that the file can be copied. The last one to
    /// close moves the write-ahead log into the file.
    pub(crate) fn close_idle(&self) {
        let kept = std::mem::take(&mut *self.idle());
        drop(kept);
    }

    /// A seat for a new session.
    pub(super) fn seat(&self) -> Arc<Seat> {
        let seat = Arc::<Seat>::default();
        let mut seats = lock(&self.seats);
        seats.retain(|seat| seat.strong_count() > 0);
        seats.push(Arc::downgrade(&seat));
        seat
    }

    /// Takes the data out of this version's hands for good: statements that run are ended, what is
    /// open is rolled back, every connection is closed. SQLite removes the write-ahead log by its
    /// name when the last connection to a file closes: one that was left would take away the log of
    /// whatever lies in the file's place by then.
    ///
    /// Blocks until the statements have ended.
    pub(crate) fn take_away(&self) {
        self.taken_away.store(true, SeqCst);
        let seats = std::mem::take(&mut *lock(&self.seats));
        for seat in seats.iter().filter_map(Weak::upgrade) {
            drop(seat.lock().take());
        }
        self.close_idle();
    }

    /// Where statements put what does not fit into memory.
    pub(super) fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// Waits for a place among the statements that run.
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        // Nobody closes the semaphore.
        self.places.clone().acquire_owned().await.ok()
    }

    /// The queue of those who write.
    pub(super) const fn turns(&self) -> &Turns {
        &self.turns
    }

    /// Whether a statement runs.
    #[cfg(test)]
    pub(super) fn is_in_use(&self) -> bool {
        let seats = lock(&self.seats);
        seats.iter().filter_map(Weak::upgrade).any(|seat| seat.0.try_lock().is_err())
    }

    /// The files beside the database.
    pub(super) fn blobs(&self) -> Blobs<'_> {
        let bounds =
            Bounds { quota: self.quota.unwrap_or_default(), value: self.limits.sql_result };
        Blobs::new(&self.folder, bounds.pages())
    }

    /// Removes the files that the transaction which has just ended left behind.
    fn settle(&self, guarded: &Guarded, turn: &mut Turn) {
        if turn.touched.is_empty() {
            return;
        }
        // The data folder may be another version's by now.
        if self.taken_away.load(SeqCst) {
            return;
        }
        let settled =
            guarded.as_host(|connection| self.blobs().settle(connection, &mut turn.touched));
        if let Err(error) = settled {
            self.unsettled.store(true, SeqCst);
            tracing::warn!(folder = %self.folder.display(), ?error, "files of blobs stay until the next sweep");
        }
    }

    /// Removes the files that a crash has left behind.
    fn sweep(&self, guarded: &Guarded) {
        if !self.unsettled.swap(false, SeqCst) {
            return;
        }
        let sweep = |connection: &Connection| self.blobs().sweep(connection);
        let swept = guarded.uncounted(|guarded| guarded.as_host(sweep));
        if let Err(error) = swept {
            self.unsettled.store(true, SeqCst);
            tracing::warn!(folder = %self.folder.display(), ?error, "what a crash left of blobs stays");
        }
    }

    /// What an error of a blob means to an app.
    pub(super) fn explain_blob(&self, guarded: &Guarded, error: BlobError) -> StorageError {
        match error {
            BlobError::Sql(error) => explain(guarded, self, &error),
            BlobError::Quota => StorageError::QuotaExceeded,
            BlobError::Replaced => StorageError::Busy,
            BlobError::File(error) => {
                self.blame_machine(format!("a blob's file: {error}"));
                tracing::error!(folder = %self.folder.display(), %error, "a blob's file failed");
                StorageError::Failed(BlobError::sentence(&error))
            }
        }
    }

    /// What has to be so before a statement writes: nobody else does until `turn` ends, the log is
    /// small, and the database may grow into what the blobs leave of the quota.
    pub(super) fn make_ready_to_write(
        &self,
        guarded: &Guarded,
        turn: &mut Turn,
    ) -> Result<(), StorageError> {
        turn.lock(&self.folder, BUSY_TIMEOUT).map_err(|error| match error {
            NoTurn::Busy => StorageError::Busy,
            NoTurn::Failed(error) => {
                self.blame_machine(format!("the data folder cannot be locked: {error}"));
                StorageError::Failed("the data folder cannot be locked".to_owned())
            }
        })?;
        self.keep_reserve()?;
        self.keep_log_small(guarded)?;
        if !self.folder.join(blobs::FOLDER).is_dir() {
            return Ok(());
        }
        let used = guarded.as_host(blobs::used);
        used.and_then(|used| guarded.leave_room(used))
            .map_err(|error| explain(guarded, self, &error))
    }

    /// Refuses a write while the disk has no more to give to apps, whatever their quotas.
    pub(super) fn keep_reserve(&self) -> Result<(), StorageError> {
        if !self.room.is_at_floor(Instant::now()) {
            return Ok(());
        }
        self.blame_machine("less of the disk is free than is kept from apps".to_owned());
        Err(StorageError::Failed("the disk of the host is nearly full".to_owned()))
    }

    /// Refuses a write while the write-ahead log is larger than the whole database may be: the
    /// quota does not bound it, and a long reader keeps it from being emptied.
    fn keep_log_small(&self, guarded: &Guarded) -> Result<(), StorageError> {
        let most = self.quota.unwrap_or_default().as_u64().max(LOG_ALWAYS.as_u64());
        if self.log_length() <= most {
            return Ok(());
        }
        match guarded.empty_log() {
            Ok(()) if self.log_length() <= most => Ok(()),
            Ok(()) | Err(_) => Err(StorageError::QuotaExceeded),
        }
    }

    /// Whether the filesystem, not the quota, has no room left.
    pub(super) fn is_disk_full(&self) -> bool {
        rustix::fs::statvfs(&self.folder)
            .is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < DISK_FULL.as_u64())
    }

    /// The write-ahead log's length; 0 where there is none.
    fn log_length(&self) -> u64 {
        let log = self.folder.join(format!("{DATABASE_FILE}-wal"));
        std::fs::metadata(log).map_or(0, |log| log.len())
    }

    fn open(&self, quota: ByteSize) -> Result<Guarded, StorageError> {
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            tracing::error!(folder = %self.folder.display(), %error, "{what}");
            self.blame_machine(format!("{what}: {error}"));
            StorageError::Failed(what.to_owned())
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(|error| failed("the data folder cannot be made", &error))?;
        let bounds = Bounds { quota, value: self.limits.sql_result };
        let path = self.folder.join(DATABASE_FILE);
        let guarded = Guarded::open(&path, bounds, &self.commits, &self.taken_away)
            .map_err(|error| failed("the database cannot be opened", &error))?;
        guarded
            .as_host(schema::check)
            .map_err(|error| failed("the database cannot be trusted", &error))?;
        if !self.prepared.load(SeqCst) {
            let made = guarded.uncounted(|guarded| guarded.beyond_quota(schema::prepare));
            made.map_err(|error| failed("the database cannot be prepared", &error))?;
            self.prepared.store(true, SeqCst);
        }
        self.sweep(&guarded);
        Ok(guarded)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Guarded>> {
        lock(&self.idle)
    }
}

/// Where the connection of one session sits while no statement of it runs.
#[derive(Debug, Default)]
pub(super) struct Seat(Mutex<Option<Seated>>);

/// A connection, and its session's right to write. Dropped in this order: what was not committed
/// is rolled back before the next one writes.
#[derive(Debug)]
pub(super) struct Seated {
    pub(super) guarded: Guarded,
    pub(super) turn: Turn,
}

impl Seat {
    /// Runs `work` on the connection that sits here, or on a new one that stays.
    pub(super) fn run<T>(
        &self,
        database: &Database,
        held: Option<Held>,
        work: impl FnOnce(&Guarded, &mut Turn) -> Result<T, Halt>,
    ) -> Result<T, Halt> {
        let mut seat = self.lock();
        let mut seated = match seat.take() {
            Some(seated) => seated,
            None => Seated { guarded: database.take()?, turn: database.turns.outside() },
        };
        if let Some(held) = held {
            seated.turn.put(held);
        }
        let result = work(&seated.guarded, &mut seated.turn);
        if seated.guarded.connection.is_autocommit() {
            database.settle(&seated.guarded, &mut seated.turn);
            seated.turn.end();
        }
        *seat = Some(seated);
        result
    }

    /// The seat, once no statement runs.
    pub(super) fn lock(&self) -> MutexGuard<'_, Option<Seated>> {
        lock(&self.0)
    }

    /// The connection, unless a statement runs on it.
    pub(super) fn try_take(&self) -> Option<Seated> {
        self.0.try_lock().ok()?.take()
    }
}

/// The value behind a lock. A panic under it leaves a plain value, which is still good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_beside_the_hosts_own_work_is_counted_and_that_work_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::new(folder.path(), Some(ByteSize::mib(2)), &Limits::default());
        let (host, app) = (database.take().unwrap(), database.take().unwrap());
        let write = |guarded: &Guarded, text: &str| {
            guarded.as_host(|connection| connection.execute_batch(text)).unwrap();
        };
        host.uncounted(|host| {
            write(&app, "CREATE TABLE t (x)");
            write(host, "INSERT INTO t VALUES (1)");
        });
        assert_eq!(database.writes(), 1);
        std::fs::create_dir_all(folder.path().join(blobs::FOLDER)).unwrap();
        database.unsettled.store(true, SeqCst);
        database.sweep(&host);
        assert!(!database.unsettled.load(SeqCst), "the sweep failed");
        assert_eq!(database.writes(), 1, "the sweep was counted");
        write(&host, "INSERT INTO t VALUES (2)");
        assert_eq!(database.writes(), 2);
    }
}
