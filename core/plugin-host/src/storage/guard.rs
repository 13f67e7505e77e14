//! The guard around an app's SQL: everything a hostile statement must not do is refused here, and
//! nowhere else. Uses only SQLite's own hooks, as <https://sqlite.org/security.html> advises.
//!
//! - An authorizer allows a list of actions and functions; what is not on it is denied.
//! - `DEFENSIVE` on, `TRUSTED_SCHEMA` off, no double-quoted strings, no attached database.
//! - `max_page_count` is the quota; the limits of SQLite bound statements and values.
//! - A progress handler charges the request's processor time and ends it when that is spent, when
//!   temporary files outgrow their room, and when the data is taken away.

use std::{
    cell::Cell,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use newleaf_domain::ByteSize;
use rusqlite::{
    Connection, OpenFlags,
    config::DbConfig,
    hooks::{AuthAction, AuthContext, Authorization},
    limits::Limit,
};

use super::{
    functions,
    spill::{Room, Spill},
};
use crate::{
    engine::TICK,
    lane::Slice,
    meter::{Budget, Meter},
};

/// Begins the names of the host's own tables.
const RESERVED: &str = "newleaf_";

/// How long a statement waits for another's write. As long as the core's own.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Virtual machine steps between two looks at the processor time and the temporary files; some µs.
/// Few, since a step can add a value of some megabytes to a sort.
const STEPS: i32 = 100;

/// Time between two looks that is charged as it passed. Where it was longer, the thread may have
/// waited for another's write, and the kernel is asked what it has worked.
const SHORT_STEP: Duration = Duration::from_millis(1);

/// The page size of new databases, which is SQLite's default.
pub(super) const PAGE: u64 = 4096;

/// What bounds one connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// The most the database file may hold.
    pub(super) quota: ByteSize,
    /// The largest value, row and statement.
    pub(super) value: ByteSize,
}

impl Bounds {
    /// The quota in pages; SQLite has no fewer than one, and no more than these.
    pub(super) fn pages(self) -> u64 {
        (self.quota.as_u64() / PAGE).clamp(1, MOST_PAGES)
    }
}

/// The most pages a database can have (<https://sqlite.org/limits.html>).
const MOST_PAGES: u64 = 4_294_967_294;

/// A connection that an app's statements may run on, with the switches of its hooks.
#[derive(Debug)]
pub(super) struct Guarded {
    pub(super) connection: Connection,
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
    /// Whom the work is charged to.
    charge: Mutex<Option<Charge>>,
    /// Whether a statement was ended because its temporary files were too large.
    spilled: AtomicBool,
    /// Whether the data is another's by now.
    taken_away: Arc<AtomicBool>,
}

/// Whom a statement is charged to, and what it has used.
#[derive(Debug)]
struct Charge {
    meter: Arc<Meter>,
    /// The last look.
    last: Instant,
    /// What the thread had worked when the kernel was asked last, and what was charged since.
    worked: Duration,
    charged: Duration,
    /// What was charged since the request last waited for a slice, and that slice.
    since_slice: Duration,
    slice: Option<Slice>,
    spill: Spill,
}

impl Guarded {
    /// Opens the database at `path` under `bounds`. Each transaction that changes it adds one to
    /// `commits`; no statement goes on once `taken_away` is set.
    pub(super) fn open(
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
    pub(super) fn charge_to(&self, meter: &Arc<Meter>, room: &Arc<Room>) {
        *lock(&self.switches.charge) = Some(Charge {
            meter: meter.clone(),
            last: Instant::now(),
            worked: worked_by_this_thread(),
            charged: Duration::ZERO,
            since_slice: Duration::ZERO,
            slice: None,
            spill: Spill::new(room),
        });
        *lock(&self.switches.denied) = None;
        self.switches.spilled.store(false, Relaxed);
    }

    /// Whether the last statement was ended because its temporary files were too large.
    pub(super) fn spilled(&self) -> bool {
        self.switches.spilled.load(Relaxed)
    }

    /// Charges what was worked since the last look, and nobody any more.
    pub(super) fn release_meter(&self) {
        if let Some(mut charge) = lock(&self.switches.charge).take() {
            let used = charge.used_until(Instant::now());
            charge.meter.charge(used);
        }
    }

    /// Makes the connection as new, for the next request: nothing open, nothing switched off.
    pub(super) fn reset(&self) -> rusqlite::Result<()> {
        self.release_meter();
        self.as_host(|connection| {
            if !connection.is_autocommit() {
                connection.execute_batch("ROLLBACK")?;
            }
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true).map(|_| ())
        })
    }

    /// Runs statements of the host's own text, for which the authorizer stands aside.
    pub(super) fn as_host<T>(&self, run: impl FnOnce(&Connection) -> T) -> T {
        self.switches.host.store(true, Relaxed);
        let result = run(&self.connection);
        self.switches.host.store(false, Relaxed);
        result
    }

    /// Lets the database grow into what the quota leaves beside `blobs` pages.
    pub(super) fn leave_room(&self, blobs: u64) -> rusqlite::Result<()> {
        let room = self.quota.saturating_sub(blobs).max(1);
        if self.room.get() != room {
            self.as_host(|connection| {
                connection.pragma_update(None, "max_page_count", signed(room))
            })?;
            self.room.set(room);
        }
        Ok(())
    }

    /// Empties the write-ahead log, unless somebody reads from it: does not wait.
    pub(super) fn empty_log(&self) -> rusqlite::Result<()> {
        self.as_host(|connection| {
            connection.busy_timeout(Duration::ZERO)?;
            let emptied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            connection.busy_timeout(BUSY_TIMEOUT)?;
            emptied
        })
    }

    /// What the authorizer denied since the meter was set, in words.
    pub(super) fn denied(&self) -> Option<String> {
        lock(&self.switches.denied).take()
    }
}

/// A number as SQLite has it.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number as SQLite gives it, which is none of ours where it is negative.
pub(super) fn unsigned(number: i64) -> u64 {
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
            Ok(()) => Authorization::Allow,
            Err(denied) => {
                *lock(&watched.denied) = Some(denied);
                Authorization::Deny
            }
        }
    }))?;
    let charged = switches.clone();
    connection.progress_handler(STEPS, Some(move || must_end(&charged)))?;
    let commits = commits.clone();
    connection.commit_hook(Some(move || {
        commits.fetch_add(1, Relaxed);
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
    let now = Instant::now();
    let used = charge.used_until(now);
    if charge.spill.is_too_much(now) {
        switches.spilled.store(true, Relaxed);
        return true;
    }
    if charge.meter.charge(used) != Budget::Left {
        return true;
    }
    charge.pace(used);
    false
}

impl Charge {
    /// What the statement has worked since the last look. SQLite does much in one step: a search
    /// through some megabytes takes a second, in which nobody looks.
    fn used_until(&mut self, now: Instant) -> Duration {
        let passed = now.saturating_duration_since(self.last);
        self.last = now;
        if passed <= SHORT_STEP {
            self.charged += passed;
            return passed;
        }
        let worked = worked_by_this_thread();
        let used = worked.saturating_sub(self.worked).saturating_sub(self.charged);
        (self.worked, self.charged) = (worked, Duration::ZERO);
        used
    }

    /// Lets others have the processor where the request has worked for long.
    fn pace(&mut self, used: Duration) {
        self.since_slice += used;
        if self.since_slice >= TICK
            && let Some(queue) = self.meter.queue()
        {
            self.since_slice = Duration::ZERO;
            drop(self.slice.take());
            self.slice = queue.wait_for_slice();
            self.last = Instant::now();
        }
    }
}

/// Processor time of this thread since it began.
fn worked_by_this_thread() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Allows what is on the list; everything else is denied, with its name.
#[expect(clippy::wildcard_enum_match_arm, reason = "an allow list denies what it does not know")]
fn judge(context: AuthContext<'_>) -> Result<(), String> {
    let database = match context.action {
        // Here SQLite gives the database in the action, and for DROP COLUMN the column beside it.
        AuthAction::AlterTable { database_name, .. } => Some(database_name),
        _ => context.database_name,
    };
    if database.is_some_and(|name| name != "main") {
        return elsewhere(context.action);
    }
    match context.action {
        AuthAction::Select
        | AuthAction::Recursive
        | AuthAction::Transaction { .. }
        | AuthAction::Savepoint { .. } => Ok(()),
        // The schema may be read; DEFENSIVE keeps it from being written except by CREATE and DROP.
        AuthAction::Read { table_name, .. } => readable(table_name),
        AuthAction::Insert { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::Delete { table_name }
        | AuthAction::CreateTable { table_name }
        | AuthAction::DropTable { table_name }
        | AuthAction::CreateIndex { table_name, .. }
        | AuthAction::DropIndex { table_name, .. }
        | AuthAction::CreateTrigger { table_name, .. }
        | AuthAction::DropTrigger { table_name, .. }
        | AuthAction::AlterTable { table_name, .. } => own(table_name),
        AuthAction::CreateView { view_name } | AuthAction::DropView { view_name } => own(view_name),
        // CREATE INDEX runs it inwardly; as a statement of its own it is harmless.
        AuthAction::Reindex { .. } => Ok(()),
        AuthAction::Function { function_name } => function(function_name),
        AuthAction::Pragma { pragma_name, .. } => pragma(pragma_name),
        AuthAction::Attach { .. } => Err("ATTACH and VACUUM are not allowed".to_owned()),
        AuthAction::Detach { .. } => Err("DETACH is not allowed".to_owned()),
        AuthAction::CreateVtable { .. } | AuthAction::DropVtable { .. } => {
            Err("virtual tables are not allowed".to_owned())
        }
        AuthAction::Analyze { .. } => Err("ANALYZE is not allowed".to_owned()),
        AuthAction::CreateTempIndex { .. }
        | AuthAction::CreateTempTable { .. }
        | AuthAction::CreateTempTrigger { .. }
        | AuthAction::CreateTempView { .. }
        | AuthAction::DropTempIndex { .. }
        | AuthAction::DropTempTable { .. }
        | AuthAction::DropTempTrigger { .. }
        | AuthAction::DropTempView { .. } => Err("temporary tables are not allowed".to_owned()),
        other => Err(format!("{other:?} is not allowed")),
    }
}

/// What is allowed outside the main database: nothing, but that ALTER TABLE looks through the list
/// of temporary tables, which is always empty.
#[expect(clippy::wildcard_enum_match_arm, reason = "an allow list denies what it does not know")]
fn elsewhere(action: AuthAction<'_>) -> Result<(), String> {
    match action {
        AuthAction::Read { table_name: "sqlite_temp_master", .. }
        | AuthAction::Update { table_name: "sqlite_temp_master", .. } => Ok(()),
        _ => Err("temporary and attached databases are not allowed".to_owned()),
    }
}

fn own(table: &str) -> Result<(), String> {
    if is_reserved(table) { Err(format!("table {table} belongs to the host")) } else { Ok(()) }
}

fn readable(table: &str) -> Result<(), String> {
    // Eponymous virtual tables that show the file's inside (`dbstat`, `sqlite_dbpage`) are read
    // without being created.
    const INSIDE: [&str; 5] = ["dbstat", "sqlite_dbpage", "sqlite_stmt", "bytecode", "tables_used"];
    if INSIDE.iter().any(|inside| table.eq_ignore_ascii_case(inside)) {
        return Err(format!("table {table} is not allowed"));
    }
    own(table)
}

fn is_reserved(table: &str) -> bool {
    table.get(..RESERVED.len()).is_some_and(|start| start.eq_ignore_ascii_case(RESERVED))
}

fn pragma(name: &str) -> Result<(), String> {
    const ALLOWED: [&str; 3] = ["foreign_keys", "table_info", "user_version"];
    if ALLOWED.iter().any(|allowed| name.eq_ignore_ascii_case(allowed)) {
        Ok(())
    } else {
        Err(format!("PRAGMA {name} is not allowed"))
    }
}

fn function(name: &str) -> Result<(), String> {
    let lower = name.to_ascii_lowercase();
    if FUNCTIONS.binary_search(&lower.as_str()).is_ok() {
        Ok(())
    } else {
        Err(format!("function {name} is not allowed"))
    }
}

/// The functions an app may call, sorted: SQLite's built-in scalar, aggregate, window, date, math
/// and JSON functions (<https://sqlite.org/lang_corefunc.html> and its neighbours), without those
/// that load code, read files, show the program's inside, gather every row in memory (`median`,
/// `percentile`), or look through one value for each part of another (`json_patch`). Those that begin
/// with `sqlite_` are how SQLite itself carries out ALTER TABLE; it lets no statement of an app call
/// them.
#[rustfmt::skip] // one name a line would hide the rest of the file
const FUNCTIONS: [&str; 131] = [
    "->", "->>", "abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "avg", "ceil",
    "ceiling", "changes", "char", "coalesce", "concat", "concat_ws", "cos", "cosh", "count",
    "cume_dist", "current_date", "current_time", "current_timestamp", "date", "datetime",
    "degrees", "dense_rank", "exp", "first_value", "floor", "format", "glob", "group_concat",
    "hex", "if", "ifnull", "iif", "instr", "json", "json_array", "json_array_insert",
    "json_array_length", "json_each", "json_error_position", "json_extract", "json_group_array",
    "json_group_object", "json_insert", "json_object", "json_pretty", "json_quote",
    "json_remove", "json_replace", "json_set", "json_tree", "json_type", "json_valid", "julianday",
    "lag", "last_insert_rowid", "last_value", "lead", "length", "like", "likelihood", "likely",
    "ln", "log", "log10", "log2", "lower", "ltrim", "max", "min", "mod", "nth_value",
    "ntile", "nullif", "octet_length", "percent_rank", "pi", "pow", "power", "printf", "quote", "radians", "random", "randomblob",
    "rank", "replace", "round", "row_number", "rtrim", "sign", "sin", "sinh", "soundex",
    "sqlite_add_constraint", "sqlite_drop_column", "sqlite_drop_constraint", "sqlite_fail",
    "sqlite_find_constraint", "sqlite_rename_column", "sqlite_rename_quotefix",
    "sqlite_rename_table", "sqlite_rename_test", "sqrt", "strftime", "string_agg", "substr",
    "substring", "subtype", "sum", "tan", "tanh", "time", "timediff", "total", "total_changes",
    "trim", "trunc", "typeof", "unhex", "unicode", "unistr", "unixepoch", "unlikely", "upper",
    "zeroblob",
];

/// The value behind a lock. A panic under it leaves a plain value, which is still good.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(folder: &Path, quota: ByteSize) -> Guarded {
        let bounds = Bounds { quota, value: ByteSize::mib(1) };
        let commits = Arc::new(AtomicU64::new(0));
        let path = folder.join("app.db");
        let guarded = Guarded::open(&path, bounds, &commits, &Arc::default()).unwrap();
        guarded.as_host(|connection| {
            connection.execute_batch("CREATE TABLE newleaf_keys (key TEXT PRIMARY KEY)").unwrap();
        });
        guarded
            .connection
            .execute_batch("CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)")
            .unwrap();
        guarded
    }

    /// Runs a statement to its end as the app would.
    fn run(guarded: &Guarded, statement: &str) -> rusqlite::Result<()> {
        let mut prepared = guarded.connection.prepare(statement)?;
        let mut rows = prepared.raw_query();
        while rows.next()?.is_some() {}
        Ok(())
    }

    /// One test a denied statement, named after it.
    macro_rules! denied {
        ($($name:ident: $statement:expr;)*) => {$(
            #[test]
            fn $name() {
                let folder = tempfile::tempdir().unwrap();
                let guarded = open(folder.path(), ByteSize::mib(1));
                let result = run(&guarded, $statement);
                let denied = guarded.denied();
                assert!(result.is_err(), "{:?} was carried out", $statement);
                assert!(denied.is_some(), "{:?} failed, but not by the guard: {result:?}", $statement);
            }
        )*};
    }

    denied! {
        attach_is_denied: "ATTACH DATABASE 'other.db' AS other";
        attach_of_memory_is_denied: "ATTACH DATABASE ':memory:' AS other";
        detach_is_denied: "DETACH DATABASE main";
        vacuum_is_denied: "VACUUM";
        vacuum_into_is_denied: "VACUUM INTO 'copy.db'";
        load_extension_is_denied: "SELECT load_extension('evil.so')";
        fts3_tokenizer_is_denied: "SELECT fts3_tokenizer('simple')";
        readfile_of_the_shell_is_not_on_the_list: "SELECT sqlite_source_id()";
        compile_options_are_denied: "SELECT sqlite_compileoption_get(0)";
        pragma_journal_mode_is_denied: "PRAGMA journal_mode = DELETE";
        pragma_max_page_count_is_denied: "PRAGMA max_page_count = 1000000";
        pragma_writable_schema_is_denied: "PRAGMA writable_schema = ON";
        pragma_trusted_schema_is_denied: "PRAGMA trusted_schema = ON";
        pragma_temp_store_directory_is_denied: "PRAGMA temp_store_directory = '/'";
        pragma_database_list_is_denied: "PRAGMA database_list";
        pragma_synchronous_is_denied: "PRAGMA synchronous = OFF";
        pragma_mmap_size_is_denied: "PRAGMA mmap_size = 1000000000";
        pragma_hard_heap_limit_is_denied: "PRAGMA hard_heap_limit = 1";
        pragma_wal_checkpoint_is_denied: "PRAGMA wal_checkpoint(TRUNCATE)";
        a_pragma_as_a_table_is_denied: "SELECT * FROM pragma_database_list";
        a_temporary_table_is_denied: "CREATE TEMP TABLE t (x)";
        a_temporary_view_is_denied: "CREATE TEMP VIEW v AS SELECT 1";
        a_temporary_trigger_is_denied: "CREATE TEMP TRIGGER t AFTER INSERT ON note BEGIN SELECT 1; END";
        a_virtual_table_is_denied: "CREATE VIRTUAL TABLE t USING fts5(body)";
        an_rtree_is_denied: "CREATE VIRTUAL TABLE t USING rtree(id, a, b)";
        dbstat_is_denied: "SELECT * FROM dbstat";
        analyze_is_denied: "ANALYZE";
        reading_the_hosts_table_is_denied: "SELECT * FROM newleaf_keys";
        writing_the_hosts_table_is_denied: "INSERT INTO newleaf_keys VALUES ('x')";
        deleting_from_the_hosts_table_is_denied: "DELETE FROM NEWLEAF_keys";
        dropping_the_hosts_table_is_denied: "DROP TABLE newleaf_keys";
        altering_the_hosts_table_is_denied: "ALTER TABLE newleaf_keys RENAME TO mine";
        taking_a_name_of_the_host_is_denied: "CREATE TABLE newleaf_more (x)";
        a_trigger_on_the_hosts_table_is_denied:
            "CREATE TRIGGER t AFTER INSERT ON newleaf_keys BEGIN SELECT 1; END";
    }

    #[test]
    fn a_trigger_cannot_reach_what_its_app_cannot() {
        let folder = tempfile::tempdir().unwrap();
        let guarded = open(folder.path(), ByteSize::mib(1));
        let made = run(
            &guarded,
            "CREATE TRIGGER t AFTER INSERT ON note BEGIN DELETE FROM newleaf_keys; END",
        );
        let fired = made.and_then(|()| run(&guarded, "INSERT INTO note (body) VALUES ('x')"));
        assert!(fired.is_err() && guarded.denied().is_some());
    }

    #[test]
    fn the_schema_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let guarded = open(folder.path(), ByteSize::mib(1));
        for statement in [
            "UPDATE sqlite_schema SET sql = ''",
            "DELETE FROM sqlite_schema",
            "UPDATE sqlite_temp_schema SET sql = ''",
        ] {
            assert!(run(&guarded, statement).is_err(), "{statement} was carried out");
        }
    }

    #[test]
    fn two_statements_in_one_text_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let guarded = open(folder.path(), ByteSize::mib(1));
        let refused = run(&guarded, "SELECT 1; SELECT 2").unwrap_err();
        assert!(matches!(refused, rusqlite::Error::MultipleStatement));
    }

    #[test]
    fn what_apps_need_is_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let guarded = open(folder.path(), ByteSize::mib(1));
        for statement in [
            "BEGIN IMMEDIATE",
            "CREATE TABLE tag (note INTEGER REFERENCES note(id) ON DELETE CASCADE, name TEXT)",
            "CREATE UNIQUE INDEX tag_name ON tag (note, name)",
            "CREATE VIEW tagged AS SELECT note FROM tag",
            "CREATE TRIGGER t AFTER DELETE ON note BEGIN UPDATE note SET body = '' WHERE id = 0; END",
            "INSERT INTO note (body) VALUES (upper('a')) RETURNING id",
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT sum(i) FROM n",
            "SELECT json_extract('{\"a\":1}', '$.a'), strftime('%s'), count(*) FROM note",
            "SELECT value FROM json_each('[1,2]')",
            "ALTER TABLE note ADD COLUMN tags TEXT",
            "ALTER TABLE note RENAME COLUMN tags TO labels",
            "ALTER TABLE note DROP COLUMN labels",
            "PRAGMA user_version = 2",
            "PRAGMA user_version",
            "PRAGMA table_info(note)",
            "PRAGMA foreign_keys",
            "SAVEPOINT s",
            "RELEASE s",
            "DROP TRIGGER t",
            "DROP VIEW tagged",
            "DROP TABLE tag",
            "COMMIT",
        ] {
            let result = run(&guarded, statement);
            assert!(result.is_ok(), "{statement}: {result:?}, denied: {:?}", guarded.denied());
        }
    }

    #[test]
    fn the_quota_bounds_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let guarded = open(folder.path(), ByteSize::kib(256));
        let fill = "INSERT INTO note (body) VALUES (hex(zeroblob(20000)))";
        let full = (0..100).find_map(|_| run(&guarded, fill).err()).unwrap();
        assert_eq!(full.sqlite_error_code(), Some(rusqlite::ErrorCode::DiskFull));
        run(&guarded, "DELETE FROM note").unwrap();
        run(&guarded, "INSERT INTO note (body) VALUES ('fits again')").unwrap();
    }

    #[test]
    fn a_value_beyond_its_limit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let guarded = open(folder.path(), ByteSize::mib(8));
        let refused = run(&guarded, "SELECT zeroblob(2000000)").unwrap_err();
        assert_eq!(refused.sqlite_error_code(), Some(rusqlite::ErrorCode::TooBig));
    }

    #[test]
    fn an_endless_statement_ends_with_the_processor_time() {
        let folder = tempfile::tempdir().unwrap();
        let guarded = open(folder.path(), ByteSize::mib(1));
        guarded.charge_to(&Meter::new(Duration::from_millis(30)), &Room::new(ByteSize::mib(1)));
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        let ended = run(&guarded, endless).unwrap_err();
        assert_eq!(ended.sqlite_error_code(), Some(rusqlite::ErrorCode::OperationInterrupted));
        guarded.release_meter();
        run(&guarded, "SELECT 1").unwrap();
    }

    #[test]
    fn an_index_that_sorts_more_than_its_room_is_refused_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let guarded = open(folder.path(), ByteSize::mib(256));
        let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
                    INSERT INTO note (body) SELECT hex(randomblob(500)) FROM n";
        run(&guarded, fill).unwrap();
        let room = Room::of(ByteSize::mib(4));
        let meter = Meter::new(Duration::from_mins(1));
        guarded.charge_to(&meter, &room);
        let ended = run(&guarded, "CREATE INDEX body ON note (body)").unwrap_err();
        assert_eq!(ended.sqlite_error_code(), Some(rusqlite::ErrorCode::OperationInterrupted));
        assert!(guarded.spilled());
        guarded.charge_to(&meter, &Room::new(ByteSize::mib(64)));
        run(&guarded, "CREATE INDEX body ON note (body)").unwrap();
        assert!(!guarded.spilled());
    }

    #[test]
    fn the_list_of_functions_is_sorted() {
        assert!(FUNCTIONS.is_sorted());
    }
}
