//! A connection that an app's statements may run on: its settings, its hooks, and the switches by
//! which the host's own statements pass.

use std::{
    cell::Cell,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use newleaf_domain::ByteSize;
use rusqlite::{
    Connection, OpenFlags,
    config::DbConfig,
    hooks::{AuthAction, AuthContext, Authorization},
    limits::Limit,
};

use super::{
    super::{functions, spill::Room},
    charge::{Charge, Look},
    judge::judge,
};
use crate::meter::Meter;

/// How long a statement waits for another's write. As long as the core's own.
pub(in crate::storage) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Virtual machine steps between two looks at the processor time and the temporary files; some µs.
/// Few, since a step can add a value of some megabytes to a sort.
const STEPS: i32 = 100;

/// The page size of new databases, which is SQLite's default.
pub(in crate::storage) const PAGE: u64 = 4096;

/// What bounds one connection.
#[derive(Debug, Clone, Copy)]
pub(in crate::storage) struct Bounds {
    /// The most the database file may hold.
    pub(in crate::storage) quota: ByteSize,
    /// The largest value, row and statement.
    pub(in crate::storage) value: ByteSize,
}

impl Bounds {
    /// The quota in pages; SQLite has no fewer than one, and no more than these.
    pub(in crate::storage) fn pages(self) -> u64 {
        (self.quota.as_u64() / PAGE).clamp(1, MOST_PAGES)
    }
}

/// The most pages a database can have (<https://sqlite.org/limits.html>).
const MOST_PAGES: u64 = 4_294_967_294;

/// A connection that an app's statements may run on, with the switches of its hooks.
#[derive(Debug)]
pub(in crate::storage) struct Guarded {
    pub(in crate::storage) connection: Connection,
    switches: Arc<Switches>,
    /// The pages that database and blobs may have together.
    quota: u64,
    /// The pages that are left to the database of them.
    room: Cell<u64>,
}

/// What the hooks of one connection share with the code that uses it.
#[derive(Debug, Default)]
struct Switches {
    /// Whether a statement of the host's own is being prepared.
    host: AtomicBool,
    /// What was denied last.
    denied: Mutex<Option<String>>,
    /// Whether what is committed is no write of the app.
    uncounted: AtomicBool,
    /// Whether a statement was prepared that alters a table.
    alters: AtomicBool,
    /// Whom the work is charged to.
    charge: Mutex<Option<Charge>>,
    /// Whether a statement was ended because its temporary files were too large.
    spilled: AtomicBool,
    /// Whether the data is another's by now.
    taken_away: Arc<AtomicBool>,
}

impl Guarded {
    /// Opens the database at `path` under `bounds`. Each transaction that changes it, but for those
    /// in [`uncounted`](Self::uncounted), adds one to `commits`; no statement goes on once `taken_away` is set.
    pub(in crate::storage) fn open(
        path: &Path,
        bounds: Bounds,
        commits: &Arc<AtomicU64>,
        taken_away: &Arc<AtomicBool>,
    ) -> rusqlite::Result<Self> {
        // No SQLITE_OPEN_URI: a path is a path.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        configure(&connection, bounds)?;
        let switches = Arc::new(Switches { taken_away: taken_away.clone(), ..Switches::default() });
        install(&connection, &switches, commits)?;
        let quota = bounds.pages();
        Ok(Self { connection, switches, quota, room: Cell::new(quota) })
    }

    /// Charges what follows to `meter`, and its temporary files to `room`. Called on the thread
    /// that runs it.
    pub(in crate::storage) fn charge_to(&self, meter: &Arc<Meter>, room: &Arc<Room>) {
        *lock(&self.switches.charge) = Some(Charge::new(meter, room));
        *lock(&self.switches.denied) = None;
        self.switches.spilled.store(false, Relaxed);
    }

    /// Whether the last statement was ended because its temporary files were too large.
    pub(in crate::storage) fn spilled(&self) -> bool {
        self.switches.spilled.load(Relaxed)
    }

    /// Charges what was worked since the last look, and nobody any more.
    pub(in crate::storage) fn release_meter(&self) {
        if let Some(charge) = lock(&self.switches.charge).take() {
            charge.end();
        }
    }

    /// Makes the connection as new, for the next request: nothing open, nothing switched off.
    pub(in crate::storage) fn reset(&self) -> rusqlite::Result<()> {
        self.release_meter();
        self.as_host(|connection| {
            if !connection.is_autocommit() {
                connection.execute_batch("ROLLBACK")?;
            }
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true).map(|_| ())
        })
    }

    /// Runs statements of the host's own text, for which the authorizer stands aside.
    pub(in crate::storage) fn as_host<T>(&self, run: impl FnOnce(&Connection) -> T) -> T {
        self.switches.host.store(true, Relaxed);
        let result = run(&self.connection);
        self.switches.host.store(false, Relaxed);
        result
    }

    /// Runs work of the host's own whose commits are no writes of the app. Those of other connections
    /// are counted all the while.
    pub(in crate::storage) fn uncounted<T>(&self, run: impl FnOnce(&Self) -> T) -> T {
        self.switches.uncounted.store(true, Relaxed);
        let result = run(self);
        self.switches.uncounted.store(false, Relaxed);
        result
    }

    /// Lets the database grow into what the quota leaves beside `blobs` pages.
    pub(in crate::storage) fn leave_room(&self, blobs: u64) -> rusqlite::Result<()> {
        let room = self.quota.saturating_sub(blobs).max(1);
        if self.room.get() != room {
            self.as_host(|connection| {
                connection.pragma_update(None, "max_page_count", signed(room))
            })?;
            self.room.set(room);
        }
        Ok(())
    }

    /// Runs statements of the host's own text that the app's quota does not hold back.
    pub(in crate::storage) fn beyond_quota(
        &self,
        run: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        self.as_host(|connection| {
            connection.pragma_update(None, "max_page_count", signed(MOST_PAGES))?;
            let done = run(connection);
            connection.pragma_update(None, "max_page_count", signed(self.room.get()))?;
            done
        })
    }

    /// Whether a statement that alters a table was prepared since this was asked last. SQLite does
    /// not tell the guard a table's new name, so what came of it must be looked at.
    pub(in crate::storage) fn take_alters(&self) -> bool {
        self.switches.alters.swap(false, Relaxed)
    }

    /// Empties the write-ahead log, unless somebody reads from it: does not wait.
    pub(in crate::storage) fn empty_log(&self) -> rusqlite::Result<()> {
        self.as_host(|connection| {
            connection.busy_timeout(Duration::ZERO)?;
            let emptied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            connection.busy_timeout(BUSY_TIMEOUT)?;
            emptied
        })
    }

    /// What the authorizer denied since the meter was set, in words.
    pub(in crate::storage) fn denied(&self) -> Option<String> {
        lock(&self.switches.denied).take()
    }
}

/// A number as SQLite has it.
pub(in crate::storage) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number as SQLite gives it, which is none of ours where it is negative.
pub(in crate::storage) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn configure(connection: &Connection, bounds: Bounds) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // With WAL, NORMAL never corrupts; a power cut may lose the last transactions, so FULL.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true)?;
    connection.pragma_update(None, "journal_size_limit", 1024 * 1024)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    // What does not fit into these 2 MiB, such as a sort, goes to files, and those are bounded.
    connection.pragma_update(None, "cache_size", -2000)?;
    connection.pragma_update(None, "temp_store", "FILE")?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "max_page_count", signed(bounds.pages()))?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false)?;
    let value = i32::try_from(bounds.value.as_u64()).unwrap_or(i32::MAX);
    functions::install(connection, usize::try_from(value).unwrap_or(usize::MAX))?;
    for (limit, most) in [
        (Limit::SQLITE_LIMIT_LENGTH, value),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 256 * 1024),
        (Limit::SQLITE_LIMIT_COLUMN, 256),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 50),
        (Limit::SQLITE_LIMIT_VDBE_OP, 100_000),
        (Limit::SQLITE_LIMIT_FUNCTION_ARG, 64),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        // A pattern is tried at each place of a value, all in one step.
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 250),
        (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 1_000),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 16),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        connection.set_limit(limit, most)?;
    }
    Ok(())
}

fn install(
    connection: &Connection,
    switches: &Arc<Switches>,
    commits: &Arc<AtomicU64>,
) -> rusqlite::Result<()> {
    let watched = switches.clone();
    connection.authorizer(Some(move |context: AuthContext<'_>| {
        if watched.host.load(Relaxed) {
            return Authorization::Allow;
        }
        match judge(context) {
            Ok(()) => {
                if matches!(context.action, AuthAction::AlterTable { .. }) {
                    watched.alters.store(true, Relaxed);
                }
                Authorization::Allow
            }
            Err(denied) => {
                *lock(&watched.denied) = Some(denied);
                Authorization::Deny
            }
        }
    }))?;
    let charged = switches.clone();
    connection.progress_handler(STEPS, Some(move || must_end(&charged)))?;
    let (commits, counted) = (commits.clone(), switches.clone());
    connection.commit_hook(Some(move || {
        if !counted.uncounted.load(Relaxed) {
            commits.fetch_add(1, Relaxed);
        }
        false
    }))
}

/// Charges the time since the last look; true ends the statement.
fn must_end(switches: &Switches) -> bool {
    if switches.taken_away.load(Relaxed) {
        return true;
    }
    let mut charge = lock(&switches.charge);
    let Some(charge) = charge.as_mut() else { return false };
    let look = charge.look();
    if look == Look::Spilled {
        switches.spilled.store(true, Relaxed);
    }
    look != Look::GoOn
}

/// The value behind a lock. A panic under it leaves a plain value, which is still good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
