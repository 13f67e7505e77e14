//! Many rows are extended while the version that serves goes on writing: none of its writes may
//! fail, and no transaction may fill more rows than it should. What its writes waited for is printed:
//! a time says as much of the machine as of the program.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::expand::BATCHES;
use super::{Beat, Db, Migration, expand};

/// Rows that are there before: a million, and a twentieth of it in the plain tier, which is run often.
fn rows() -> i64 {
    match std::env::var("NEWLEAF_TIER").as_deref() {
        Ok("system" | "all") => 1_000_000,
        _ => 50_000,
    }
}

/// The longest that a transaction of the extension should hold the lock.
const LONGEST: Duration = Duration::from_millis(250);

const FIRST: Migration = Migration {
    schema: 1,
    expand: &["CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)"],
    ..Migration::NONE
};

const SECOND: Migration = Migration {
    schema: 2,
    expand: &["ALTER TABLE note ADD COLUMN length INTEGER"],
    backfill: &["UPDATE note SET length = length(text) WHERE id IN
        (SELECT id FROM note WHERE length IS NULL AND id > ?2 ORDER BY id LIMIT ?1) RETURNING id"],
    ..Migration::NONE
};

/// What the writer of the older version went through.
#[derive(Debug, Default)]
struct Written {
    notes: i64,
    longest: Duration,
    failed: Vec<String>,
}

/// Writes as the version that serves does, over a connection of its own, until told to stop.
async fn write(dir: &Path, stop: Arc<AtomicBool>) -> Written {
    let db = Db::open(dir).await.unwrap();
    let mut written = Written::default();
    while !stop.load(Ordering::Relaxed) {
        let start = Instant::now();
        let done = sqlx::query("INSERT INTO note (text) VALUES ('from the older version')")
            .execute(db.writer())
            .await;
        match done {
            Ok(_) => written.notes += 1,
            Err(error) => written.failed.push(error.to_string()),
        }
        written.longest = written.longest.max(start.elapsed());
        tokio::task::yield_now().await;
    }
    written
}

async fn count(db: &Db, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(db.reader()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_rows_are_filled_and_no_write_of_the_older_version_fails() {
    let rows = rows();
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(dir.path()).await.unwrap();
    expand(&db, &[FIRST], &mut |_| Beat::GoOn).await.unwrap();
    sqlx::query(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
         INSERT INTO note (text) SELECT 'note number ' || i FROM n",
    )
    .bind(rows)
    .execute(db.writer())
    .await
    .unwrap();

    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (dir, stop) = (dir.path().to_owned(), Arc::clone(&stop));
        async move { write(&dir, stop).await }
    });
    let (mut transactions, mut batches, mut before) = (Vec::new(), Vec::new(), 0);
    let start = Instant::now();
    expand(&db, &[FIRST, SECOND], &mut |progress| {
        transactions.push(progress.took);
        // Each step begins with none.
        batches.push(progress.rows.checked_sub(before).unwrap_or(progress.rows));
        before = progress.rows;
        Beat::GoOn
    })
    .await
    .unwrap();
    let took = start.elapsed();
    stop.store(true, Ordering::Relaxed);
    let written = writer.await.unwrap();

    let slow = transactions.iter().filter(|took| **took > LONGEST).count();
    let mut longest = transactions.iter().zip(&batches).collect::<Vec<_>>();
    longest.sort_unstable();
    longest.reverse();
    println!("the longest, with their rows: {:.1?}", &longest[..longest.len().min(5)]);
    let most = batches.iter().max().copied().unwrap();
    println!(
        "{rows} rows in {} transactions of {most} at most and {took:.1?}: the longest held the lock for {:.1?}, {slow} for \
         more than {LONGEST:?}; {} writes meanwhile, the longest waited {:.1?}, {} failed",
        transactions.len(),
        transactions.iter().max().unwrap(),
        written.notes,
        written.longest,
        written.failed.len()
    );
    assert_eq!(written.failed, [""; 0]);
    assert!(written.notes > 10, "{written:?}");
    assert_eq!(count(&db, "SELECT count(*) FROM note").await, rows + written.notes);
    let unfilled = "SELECT count(*) FROM note WHERE length IS NULL AND text LIKE 'note number %'";
    assert_eq!(count(&db, unfilled).await, 0);
    assert!(most <= u64::from(*BATCHES.end()), "{batches:?}");
    let filled = batches.iter().sum::<u64>();
    assert!(filled >= u64::try_from(rows).unwrap(), "{filled} of {rows} rows: {batches:?}");
}
