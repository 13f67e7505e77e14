//! Each denied statement is a test, and so is each bound.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use newleaf_domain::ByteSize;

use super::{
    super::{reserve::Floor, spill::Room},
    Bounds, Guarded,
    judge::FUNCTIONS,
};
use crate::{limits::Reserve, meter::Meter};

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

/// A room of so many MiB, on a disk that is all the app's.
fn room_of(mib: u64, folder: &Path) -> Arc<Room> {
    Room::of(ByteSize::mib(mib), Floor::below(folder, Reserve::Of(ByteSize::bytes(0))))
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
    let made =
        run(&guarded, "CREATE TRIGGER t AFTER INSERT ON note BEGIN DELETE FROM newleaf_keys; END");
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
    guarded.charge_to(&Meter::new(Duration::from_millis(30)), &room_of(1, folder.path()));
    let endless =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
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
    let room = room_of(4, folder.path());
    let meter = Meter::new(Duration::from_mins(1));
    guarded.charge_to(&meter, &room);
    let ended = run(&guarded, "CREATE INDEX body ON note (body)").unwrap_err();
    assert_eq!(ended.sqlite_error_code(), Some(rusqlite::ErrorCode::OperationInterrupted));
    assert!(guarded.spilled());
    guarded.charge_to(&meter, &room_of(64, folder.path()));
    run(&guarded, "CREATE INDEX body ON note (body)").unwrap();
    assert!(!guarded.spilled());
}

#[test]
fn the_list_of_functions_is_sorted() {
    assert!(FUNCTIONS.is_sorted());
}
