//! Blobs against a model: whatever an app does, in transactions or not, and whenever the machine
//! stops, names, bytes, files and quota agree.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc, time::Duration};

use newleaf_domain::ByteSize;
use proptest::prelude::*;

use super::{
    DATABASE_FILE,
    blobs::FOLDER,
    database::{Database, StorageError},
    guard::PAGE,
    session::Session,
};
use crate::{limits::Limits, meter::Meter, stats::Counters};

/// Forty pages: a few of the largest blobs below fill it.
const QUOTA: u64 = 40;

/// Pages by which the index may grow in one change.
const INDEX: u64 = 4;

type Model = BTreeMap<String, Vec<u8>>;

#[derive(Debug, Clone)]
enum Act {
    Set(u8, usize),
    Append(u8, usize),
    Delete(u8),
    Sql(&'static str),
    /// The machine stops here.
    Crash,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..6_u8, 0..30_000_usize).prop_map(|(name, length)| Act::Set(name, length)),
        3 => (0..6_u8, 0..20_000_usize).prop_map(|(name, length)| Act::Append(name, length)),
        2 => (0..6_u8).prop_map(Act::Delete),
        1 => Just(Act::Crash),
        4 => prop_oneof![
            Just("BEGIN"),
            Just("COMMIT"),
            Just("ROLLBACK"),
            Just("SAVEPOINT s"),
            Just("ROLLBACK TO s"),
            Just("RELEASE s"),
            Just("CREATE TABLE IF NOT EXISTS t (x)"),
            Just("INSERT INTO t VALUES (zeroblob(9000))"),
            Just("DELETE FROM t"),
        ].prop_map(Act::Sql),
    ]
}

fn database(folder: &Path, pages: u64) -> Arc<Database> {
    Database::new(folder, Some(ByteSize::bytes(pages * PAGE)), &Limits::default())
}

fn session(database: &Arc<Database>) -> Session {
    let running = Arc::new(Counters::default()).enter();
    Session::new(database, &Meter::new(Duration::from_mins(5)), running)
}

/// What the machine's disk has at this moment; SQLite's shared memory is not on it.
fn disk_at_this_moment(from: &Path, to: &Path) {
    fs::create_dir_all(to.join(FOLDER)).unwrap();
    for folder in ["", FOLDER] {
        let Ok(entries) = fs::read_dir(from.join(folder)) else { continue };
        for entry in entries.map(Result::unwrap) {
            let name = entry.file_name();
            if entry.path().is_file() && !name.to_string_lossy().ends_with("-shm") {
                fs::copy(entry.path(), to.join(folder).join(name)).unwrap();
            }
        }
    }
}

fn pages(bytes: &[u8]) -> u64 {
    (bytes.len() as u64).div_ceil(PAGE).max(1)
}

fn total(model: &Model) -> u64 {
    model.values().map(|bytes| pages(bytes)).sum()
}

/// Everything that can be read is what the model says.
async fn agrees(session: &mut Session, model: &Model) {
    let names: Vec<_> = model.keys().cloned().collect();
    assert_eq!(session.blob_names(String::new(), None, 100).await.unwrap(), names);
    for (name, bytes) in model {
        assert_eq!(session.blob_size(name.clone()).await.unwrap(), Some(bytes.len() as u64));
        let read = session.blob(name.clone(), 0, u32::MAX).await.unwrap();
        assert!(read.as_ref() == Some(bytes), "{name} is not what was written");
    }
}

/// Where no transaction is open, the files are those of the model and no byte more, and with the
/// database they are within the quota.
fn files_agree(folder: &Path, model: &Model) {
    let mut lengths: Vec<u64> = model.values().map(|bytes| bytes.len() as u64).collect();
    lengths.sort_unstable();
    let entries = fs::read_dir(folder.join(FOLDER)).into_iter().flatten();
    let mut there: Vec<u64> =
        entries.map(|entry| entry.unwrap().metadata().unwrap().len()).collect();
    there.sort_unstable();
    assert_eq!(there, lengths, "files and blobs differ");
    let connection = rusqlite::Connection::open(folder.join(DATABASE_FILE)).unwrap();
    let database: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    let database = u64::try_from(database).unwrap();
    assert!(database + total(model) <= QUOTA, "{database} and {} pages", total(model));
}

/// Whether a refusal was right, but for what the index may grow by.
async fn refused_rightly(session: &mut Session, after: u64, made: u64) -> bool {
    let rows = session.query("SELECT count(*) FROM t".to_owned(), Vec::new()).await;
    let database = rows.map_or(3, |rows| {
        let super::Value::Integer(rows) = rows.rows[0][0] else { return 3 };
        4 + 3 * u64::try_from(rows).unwrap()
    });
    after + database + INDEX > QUOTA || made + after > QUOTA || database + INDEX > QUOTA / 2
}

async fn story(acts: Vec<Act>) {
    let world = tempfile::tempdir().unwrap();
    let mut folder = world.path().join("0");
    let mut database = database(&folder, QUOTA);
    let mut session = session(&database);
    let (mut committed, mut now, mut saved) = (Model::new(), Model::new(), None);
    let (mut open, mut made) = (false, 0);
    for (step, act) in acts.into_iter().enumerate() {
        match act {
            Act::Set(name, length) | Act::Append(name, length) => {
                let bytes = vec![u8::try_from(step % 251).unwrap(); length];
                let key = format!("blob/{name}");
                let mut after = now.clone();
                let written = if matches!(act, Act::Set(..)) {
                    after.insert(key.clone(), bytes.clone());
                    session.set_blob(key, bytes).await
                } else {
                    after.entry(key.clone()).or_default().extend_from_slice(&bytes);
                    session.append_blob(key, bytes).await
                };
                made += u64::try_from(length).unwrap().div_ceil(PAGE).max(1);
                match written {
                    Ok(()) => now = after,
                    Err(StorageError::QuotaExceeded) => {
                        let rightly = refused_rightly(&mut session, total(&after), made).await;
                        assert!(rightly, "{} pages were refused", total(&after));
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            Act::Delete(name) => {
                let key = format!("blob/{name}");
                let was = now.remove(&key).is_some();
                assert_eq!(session.delete_blob(key).await.unwrap(), was);
            }
            Act::Sql(text) => {
                let done = session.execute(text.to_owned(), Vec::new()).await.is_ok();
                match text {
                    "BEGIN" if done => open = true,
                    "COMMIT" if done => (open, saved) = (false, None),
                    "ROLLBACK" if done => {
                        (open, saved) = (false, None);
                        now.clone_from(&committed);
                    }
                    // Without BEGIN, the outermost savepoint is the transaction.
                    "SAVEPOINT s" if done && saved.is_none() => saved = Some((now.clone(), !open)),
                    "ROLLBACK TO s" if done => {
                        if let Some((before, _)) = &saved {
                            now.clone_from(before);
                        }
                    }
                    "RELEASE s" if done => saved = None,
                    _ => {}
                }
            }
            Act::Crash => {
                let next = world.path().join(format!("{}", step + 1));
                disk_at_this_moment(&folder, &next);
                drop(session);
                folder = next;
                database = self::database(&folder, QUOTA);
                session = self::session(&database);
                (open, saved) = (false, None);
                now.clone_from(&committed);
            }
        }
        agrees(&mut session, &now).await;
        if !open && saved.is_none() {
            committed.clone_from(&now);
            made = 0;
            files_agree(&folder, &committed);
        }
    }
    drop(session);
    database.close_idle();
    files_agree(&folder, &committed);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn blobs_are_what_a_model_says_they_are(acts in proptest::collection::vec(act(), 1..40)) {
        // One savepoint at a time: nested ones of one name are SQLite's matter, not ours.
        let mut saved = false;
        let acts: Vec<_> = acts
            .into_iter()
            .filter(|act| match act {
                Act::Sql("SAVEPOINT s") => !std::mem::replace(&mut saved, true),
                Act::Sql("RELEASE s" | "ROLLBACK" | "COMMIT") | Act::Crash => {
                    saved = false;
                    true
                }
                Act::Set(..) | Act::Append(..) | Act::Delete(_) | Act::Sql(_) => true,
            })
            .collect();
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
            .block_on(story(acts));
    }
}

#[tokio::test]
async fn database_and_blobs_share_one_quota_to_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(folder.path(), 10);
    let mut session = session(&database);
    session.execute("CREATE TABLE t (x)".to_owned(), Vec::new()).await.unwrap();
    // Schema, keys, t, and the blobs' index: six pages are left.
    let blob = |pages: usize| vec![1; pages * 4096];
    session.set_blob("a".to_owned(), blob(6)).await.unwrap();
    let full = session.append_blob("a".to_owned(), vec![1]).await;
    assert_eq!(full, Err(StorageError::QuotaExceeded));
    let insert = "INSERT INTO t VALUES (zeroblob(8000))".to_owned();
    let full = session.execute(insert.clone(), Vec::new()).await;
    assert_eq!(full, Err(StorageError::QuotaExceeded));
    session.set_blob("a".to_owned(), blob(3)).await.unwrap();
    session.execute(insert, Vec::new()).await.unwrap();
    let full = session.set_blob("b".to_owned(), blob(3)).await;
    assert_eq!(full, Err(StorageError::QuotaExceeded));
    session.set_blob("b".to_owned(), Vec::new()).await.unwrap();
}

#[tokio::test]
async fn what_a_transaction_makes_and_gives_up_has_a_bound_too() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(folder.path(), QUOTA);
    let mut session = session(&database);
    session.execute("BEGIN".to_owned(), Vec::new()).await.unwrap();
    let mut written = 0;
    while session.set_blob("a".to_owned(), vec![1; 16 * 1024]).await.is_ok() {
        written += 4;
    }
    assert!((30..=QUOTA).contains(&written), "{written} pages were written");
    session.execute("COMMIT".to_owned(), Vec::new()).await.unwrap();
    files_agree(folder.path(), &Model::from([("a".to_owned(), vec![1; 16 * 1024])]));
}

#[tokio::test]
async fn names_may_be_any_text_of_1_to_512_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(folder.path(), QUOTA);
    let mut session = session(&database);
    let odd = ["../../etc/passwd", "a\0b", "é/ü", "..", &"x".repeat(512)];
    for name in odd {
        session.set_blob(name.to_owned(), name.into()).await.unwrap();
    }
    for name in odd {
        let read = session.blob(name.to_owned(), 0, 1_000).await.unwrap();
        assert_eq!(read.as_deref(), Some(name.as_bytes()));
    }
    for wrong in [String::new(), "x".repeat(513)] {
        let refused = session.set_blob(wrong, vec![1]).await;
        assert_eq!(refused, Err(StorageError::TooLarge));
    }
    assert_eq!(session.blob_names("a\0".to_owned(), None, 9).await.unwrap(), ["a\0b"]);
    let page = session.blob_names(String::new(), Some("..".to_owned()), 2).await.unwrap();
    assert_eq!(page, ["../../etc/passwd", "a\0b"]);
    let entries = fs::read_dir(folder.path().join(FOLDER)).unwrap();
    assert_eq!(entries.count(), odd.len(), "each blob is one file, and where it belongs");
}

#[tokio::test]
async fn a_piece_of_a_blob_is_read_from_where_it_was_asked() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(folder.path(), QUOTA);
    let mut session = session(&database);
    session.set_blob("a".to_owned(), b"0123456789".to_vec()).await.unwrap();
    for (offset, length, piece) in [(2, 3, "234"), (8, 9, "89"), (10, 1, ""), (u64::MAX, 1, "")] {
        let read = session.blob("a".to_owned(), offset, length).await.unwrap();
        assert_eq!(read.as_deref(), Some(piece.as_bytes()));
    }
    assert_eq!(session.blob("b".to_owned(), 0, 1).await.unwrap(), None);
}

#[tokio::test]
async fn a_blob_whose_file_is_gone_is_told_and_is_the_machines_doing() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(folder.path(), QUOTA);
    let mut session = session(&database);
    session.set_blob("a".to_owned(), vec![1]).await.unwrap();
    fs::remove_dir_all(folder.path().join(FOLDER)).unwrap();
    let refused = session.blob("a".to_owned(), 0, 1).await;
    assert!(matches!(refused, Err(StorageError::Failed(_))), "{refused:?}");
    assert!(database.take_machine_fault().is_some());
}

#[tokio::test]
async fn a_snapshot_has_the_blobs_and_brings_them_back() {
    let world = tempfile::tempdir().unwrap();
    let (data, kept) = (world.path().join("data"), world.path().join("kept"));
    let database = database(&data, QUOTA);
    let mut session = session(&database);
    session.set_blob("a".to_owned(), b"before".to_vec()).await.unwrap();
    drop(session);
    database.close_idle();
    super::snapshot(&data, &kept).unwrap();
    let mut session = self::session(&database);
    session.set_blob("a".to_owned(), b"after".to_vec()).await.unwrap();
    drop(session);
    database.take_away();
    super::restore(&kept, &data).unwrap();
    let database = self::database(&data, QUOTA);
    let read = self::session(&database).blob("a".to_owned(), 0, 9).await.unwrap();
    assert_eq!(read.as_deref(), Some(&b"before"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_that_write_at_one_time_keep_the_quota_together() {
    let folder = tempfile::tempdir().unwrap();
    // In a handover of core two processes have the data open; they share only what is on disk.
    let (first, second) = (database(folder.path(), QUOTA), database(folder.path(), QUOTA));
    let (mut draining, mut serving) = (session(&first), session(&second));
    let sql = |text: &str| (text.to_owned(), Vec::new());
    let (create, none) = sql("CREATE TABLE t (x)");
    serving.execute(create, none).await.unwrap();
    let (begin, none) = sql("BEGIN IMMEDIATE");
    draining.execute(begin, none).await.unwrap();
    let large = vec![1; usize::try_from(20 * PAGE).unwrap()];
    draining.set_blob("large".to_owned(), large).await.unwrap();
    let writes = tokio::spawn(async move {
        let fill = format!("INSERT INTO t VALUES (zeroblob({}))", 25 * PAGE);
        serving.execute(fill, Vec::new()).await
    });
    while !second.is_in_use() {
        tokio::task::yield_now().await;
    }
    let (commit, none) = sql("COMMIT");
    draining.execute(commit, none).await.unwrap();
    assert_eq!(writes.await.unwrap(), Err(StorageError::QuotaExceeded));
    let connection = rusqlite::Connection::open(folder.path().join(DATABASE_FILE)).unwrap();
    let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    let pages = u64::try_from(pages).unwrap();
    assert!(pages + 20 <= QUOTA, "{pages} pages beside 20 of blobs");
}
