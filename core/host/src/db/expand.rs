//! *Expand*: adds what a version needs, while the version before goes on serving and writing.
//!
//! Every part can be cut short and run again: what is done is noted in the transaction that
//! does it, and a backfill changes only rows that still need it. So it runs once more where an
//! older version may have written since.

use std::time::{Duration, Instant};

use sqlx::{Connection as _, Row as _, SqliteConnection};

use super::open::newest;
use super::{Db, DbError, HOST_MIGRATIONS, Meta, Migration, Side, meta};

/// The longest a backfill's transaction may take, so that the serving version's writes wait no
/// longer (its own busy timeout is forty times this). A quarter of it is aimed at: the machine is
/// not always as quick as it was a moment ago.
const TRANSACTION: Duration = Duration::from_millis(250);

/// The pause after a transaction of a backfill. SQLite's lock is not fair: who waits for it asks
/// again after at most 100 ms, and would find it taken by the next transaction each time.
const TURN: Duration = Duration::from_millis(120);

/// Rows of a backfill's first transaction; halved and doubled by how long each took.
const FIRST_BATCH: u32 = 500;

/// The fewest and most rows of one transaction. With fewer, a statement that looks for its rows anew
/// each time would spend its time on looking, and a slow machine would never be done. More would win
/// little, since the pause between two is what counts then (a million rows are two hundred of them),
/// and lose much: on a machine that gets busy in the middle of one, others wait for every row.
pub(super) const BATCHES: std::ops::RangeInclusive<u32> = 100..=5_000;

/// How far an expand is; told after each transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Whose schema grows.
    pub side: Side,
    /// To which.
    pub schema: u32,
    /// Rows filled so far.
    pub rows: u64,
    /// How long the last transaction had the lock: as long as others could not write.
    pub took: Duration,
}

/// Whether an expand goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// It does.
    GoOn,
    /// Whoever asked for it is gone: stop between two transactions.
    Stop,
}

/// Which versions may have written since a backfill was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writers {
    /// Any that the data can be read by.
    Unknown,
    /// The one that serves, whose product schema this is; after a way back it is an older one.
    Since(u32),
}

impl Writers {
    /// The lowest schema of those that may have written.
    const fn oldest(self, side: Side, found: Meta) -> u32 {
        match (self, side) {
            (Self::Since(schema), Side::Product) => schema,
            (Self::Since(_), Side::Host) | (Self::Unknown, _) => found.oldest_reader,
        }
    }
}

/// Expands both sides to what this program needs. `beat` is called after each transaction.
///
/// # Errors
/// A statement fails (its transaction is undone), or `beat` says to stop.
pub async fn expand(
    db: &Db,
    product: &[Migration],
    beat: &mut (dyn FnMut(Progress) -> Beat + Send),
) -> Result<(), DbError> {
    expand_after(db, product, Writers::Unknown, beat).await
}

/// As [`expand`]; what was filled before `writers` may have written is filled again.
///
/// # Errors
/// As [`expand`].
pub(crate) async fn expand_after(
    db: &Db,
    product: &[Migration],
    writers: Writers,
    beat: &mut (dyn FnMut(Progress) -> Beat + Send),
) -> Result<(), DbError> {
    db.make_meta().await?;
    let mut connection = db.writer().acquire().await.map_err(DbError::on("write to newleaf.db"))?;
    for (side, migrations) in [(Side::Host, HOST_MIGRATIONS), (Side::Product, product)] {
        let found = Meta::read(&mut connection, side).await?;
        let own = newest(migrations);
        if own < found.oldest_reader {
            return Err(DbError::TooNew { side, oldest_reader: found.oldest_reader, own });
        }
        let oldest = writers.oldest(side, found);
        for migration in migrations {
            step(&mut connection, side, migration, oldest, beat).await?;
        }
    }
    Ok(())
}

async fn step(
    connection: &mut SqliteConnection,
    side: Side,
    migration: &Migration,
    oldest: u32,
    beat: &mut (dyn FnMut(Progress) -> Beat + Send),
) -> Result<(), DbError> {
    let schema = migration.schema;
    let added = add(connection, side, migration).await;
    let took = added.map_err(DbError::on("add to the schema"))?;
    tell(beat, Progress { side, schema, rows: 0, took })?;
    let filled = meta::is_done(connection, side, schema, "backfill");
    if !filled.await.map_err(DbError::on("read the schema"))? || oldest < schema {
        backfill(connection, side, migration, beat).await?;
        finish(connection, side, schema).await.map_err(DbError::on("note the schema"))?;
    }
    Ok(())
}

/// Runs the backfill of a step, whether it ran before or not.
pub(super) async fn backfill(
    connection: &mut SqliteConnection,
    side: Side,
    migration: &Migration,
    beat: &mut (dyn FnMut(Progress) -> Beat + Send),
) -> Result<(), DbError> {
    let (schema, mut rows) = (migration.schema, 0);
    for statement in migration.backfill {
        fill(connection, statement, &mut |changed, took| {
            rows += changed;
            tell(beat, Progress { side, schema, rows, took })
        })
        .await?;
    }
    Ok(())
}

fn tell(
    beat: &mut (dyn FnMut(Progress) -> Beat + Send),
    progress: Progress,
) -> Result<(), DbError> {
    match beat(progress) {
        Beat::GoOn => Ok(()),
        Beat::Stop => Err(DbError::Orphaned),
    }
}

/// The statements that add, and the note that they ran, in one transaction. Gives how long it had
/// the lock.
async fn add(
    connection: &mut SqliteConnection,
    side: Side,
    migration: &Migration,
) -> Result<Duration, sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let start = Instant::now();
    if !meta::is_done(&mut transaction, side, migration.schema, "expand").await? {
        for statement in migration.expand {
            sqlx::query(*statement).execute(&mut *transaction).await?;
        }
        meta::mark_done(&mut transaction, side, migration.schema, "expand").await?;
    }
    transaction.commit().await?;
    Ok(start.elapsed())
}

/// One backfill statement, in transactions short enough for others to write between them.
async fn fill(
    connection: &mut SqliteConnection,
    statement: &'static str,
    tell: &mut (dyn FnMut(u64, Duration) -> Result<(), DbError> + Send),
) -> Result<(), DbError> {
    let (mut batch, mut place) = (FIRST_BATCH, i64::MIN);
    loop {
        let filled = fill_some(connection, statement, batch, &mut place).await;
        let (changed, took) = filled.map_err(DbError::on("fill what was added to the schema"))?;
        tell(changed, took)?;
        // Not until none is left: a version that writes without pause would always leave one.
        if changed < u64::from(batch) {
            return Ok(());
        }
        batch = next_batch(batch, took);
        tokio::time::sleep(TURN).await;
    }
}

/// One transaction of it: how many rows it changed, and how long it had the lock. The wait for the
/// lock does not count: fewer rows would not make it shorter.
async fn fill_some(
    connection: &mut SqliteConnection,
    statement: &'static str,
    batch: u32,
    place: &mut i64,
) -> Result<(u64, Duration), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let start = Instant::now();
    let query = sqlx::query(statement).bind(batch);
    let changed = if statement.contains("?2") {
        let rows = query.bind(*place).fetch_all(&mut *transaction).await?;
        for row in &rows {
            *place = (*place).max(row.try_get(0)?);
        }
        let changes = sqlx::query_scalar::<_, i64>("SELECT changes()");
        u64::try_from(changes.fetch_one(&mut *transaction).await?).unwrap_or(0)
    } else {
        query.execute(&mut *transaction).await?.rows_affected()
    };
    transaction.commit().await?;
    Ok((changed, start.elapsed()))
}

/// Fewer rows after a transaction that took too long, by as much as it did; more after a quick one.
fn next_batch(batch: u32, took: Duration) -> u32 {
    let next = if took > TRANSACTION {
        batch / 8
    } else if took > TRANSACTION / 4 {
        batch / 2
    } else if took < TRANSACTION / 16 {
        batch.saturating_mul(2)
    } else {
        batch
    };
    next.clamp(*BATCHES.start(), *BATCHES.end())
}

/// The schema counts as reached only once its rows are filled.
async fn finish(
    connection: &mut SqliteConnection,
    side: Side,
    schema: u32,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    meta::mark_done(&mut transaction, side, schema, "backfill").await?;
    Meta { schema, oldest_reader: 0 }.raise(&mut transaction, side).await?;
    transaction.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::contract;

    const FIRST: Migration = Migration {
        schema: 1,
        expand: &["CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)"],
        ..Migration::NONE
    };
    const SECOND: Migration = Migration {
        schema: 2,
        expand: &["ALTER TABLE note ADD COLUMN length INTEGER"],
        backfill: &["UPDATE note SET length = length(text) WHERE id IN
            (SELECT id FROM note WHERE length IS NULL LIMIT ?1)"],
        contract: &["CREATE INDEX by_length ON note (length)"],
    };

    async fn grown(product: &[Migration]) -> (tempfile::TempDir, Db) {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(dir.path()).await.unwrap();
        expand(&db, product, &mut |_| Beat::GoOn).await.unwrap();
        (dir, db)
    }

    async fn fill_with(db: &Db, rows: u32) {
        sqlx::query(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
             INSERT INTO note (text) SELECT 'note ' || i FROM n",
        )
        .bind(rows)
        .execute(db.writer())
        .await
        .unwrap();
    }

    async fn unfilled(db: &Db) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM note WHERE length IS NULL")
            .fetch_one(db.reader())
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_start_never_migrates_it_only_checks() {
        let (_dir, db) = grown(&[FIRST]).await;
        db.check(&[FIRST]).await.unwrap();
        let error = db.check(&[FIRST, SECOND]).await.unwrap_err();
        assert!(matches!(error, DbError::NotExpanded { side: Side::Product, found: 1, own: 2 }));
    }

    #[tokio::test]
    async fn the_old_version_goes_on_after_expand_and_is_refused_after_contract() {
        let (_dir, db) = grown(&[FIRST]).await;
        expand(&db, &[FIRST, SECOND], &mut |_| Beat::GoOn).await.unwrap();
        db.check(&[FIRST]).await.unwrap();
        contract(&db, &[FIRST, SECOND], 2).await.unwrap();
        let error = db.check(&[FIRST]).await.unwrap_err();
        assert!(matches!(error, DbError::TooNew { oldest_reader: 2, own: 1, .. }), "{error}");
        db.check(&[FIRST, SECOND]).await.unwrap();
    }

    #[tokio::test]
    async fn a_backfill_that_was_cut_short_goes_on_where_it_stopped() {
        let (_dir, db) = grown(&[FIRST]).await;
        fill_with(&db, 3_000).await;
        let mut beats = 0;
        let stopped = expand(&db, &[FIRST, SECOND], &mut |_| {
            beats += 1;
            if beats < 5 { Beat::GoOn } else { Beat::Stop }
        })
        .await;
        assert!(matches!(stopped, Err(DbError::Orphaned)));
        let left = unfilled(&db).await;
        assert!(left > 0 && left < 3_000, "{left} rows were left");
        assert!(db.check(&[FIRST, SECOND]).await.is_err(), "half filled counts as not expanded");
        expand(&db, &[FIRST, SECOND], &mut |_| Beat::GoOn).await.unwrap();
        assert_eq!(unfilled(&db).await, 0);
        db.check(&[FIRST, SECOND]).await.unwrap();
    }

    #[tokio::test]
    async fn a_backfill_that_keeps_its_place_fills_every_row_also_after_it_was_cut_short() {
        const PLACED: Migration = Migration {
            backfill: &["UPDATE note SET length = length(text) WHERE id IN
                (SELECT id FROM note WHERE length IS NULL AND id > ?2 ORDER BY id LIMIT ?1)
                RETURNING id"],
            ..SECOND
        };
        let (_dir, db) = grown(&[FIRST]).await;
        fill_with(&db, 3_000).await;
        let mut turns = Vec::new();
        let stopped = expand(&db, &[FIRST, PLACED], &mut |progress| {
            turns.push(progress.rows);
            if progress.rows < 1_000 { Beat::GoOn } else { Beat::Stop }
        })
        .await;
        assert!(matches!(stopped, Err(DbError::Orphaned)), "{turns:?}");
        assert_eq!(3_000 - unfilled(&db).await, i64::try_from(*turns.last().unwrap()).unwrap());
        expand(&db, &[FIRST, PLACED], &mut |_| Beat::GoOn).await.unwrap();
        assert_eq!(unfilled(&db).await, 0);
    }

    /// Serves by a version of [`FIRST`] for a while: it adds a row and changes another.
    async fn write_by_the_old(db: &Db) {
        for statement in
            ["INSERT INTO note (text) VALUES ('late')", "UPDATE note SET text = 'longer by far'"]
        {
            sqlx::query(statement).execute(db.writer()).await.unwrap();
        }
    }

    async fn wrong(db: &Db) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM note WHERE length IS NOT length(text)")
            .fetch_one(db.reader())
            .await
            .unwrap()
    }

    const FOLLOWED: Migration = Migration {
        expand: &[
            "ALTER TABLE note ADD COLUMN length INTEGER",
            "CREATE TRIGGER note_length AFTER UPDATE OF text ON note BEGIN
                UPDATE note SET length = NULL WHERE id = NEW.id; END",
        ],
        contract: &["DROP TRIGGER note_length"],
        ..SECOND
    };

    #[tokio::test]
    async fn what_an_older_version_wrote_after_a_way_back_is_filled_when_it_is_left_again() {
        let (_dir, db) = grown(&[FIRST]).await;
        fill_with(&db, 10).await;
        let on = |schema| Writers::Since(schema);
        for _ in 0..2 {
            expand_after(&db, &[FIRST, FOLLOWED], on(1), &mut |_| Beat::GoOn).await.unwrap();
            assert_eq!(wrong(&db).await, 0);
            write_by_the_old(&db).await;
            assert!(wrong(&db).await > 10, "the trigger marks what the old version changed");
        }
        let mut rows = 0;
        expand_after(&db, &[FIRST, FOLLOWED], on(2), &mut |progress| {
            rows += progress.rows;
            Beat::GoOn
        })
        .await
        .unwrap();
        assert_eq!(rows, 0, "no older version serves: the rows are looked for once");
    }

    #[tokio::test]
    async fn a_fill_that_is_repeated_can_be_cut_short_too() {
        let (_dir, db) = grown(&[FIRST, FOLLOWED]).await;
        fill_with(&db, 3_000).await;
        let stopped = expand_after(&db, &[FIRST, FOLLOWED], Writers::Since(1), &mut |progress| {
            if progress.rows == 0 { Beat::GoOn } else { Beat::Stop }
        })
        .await;
        assert!(matches!(stopped, Err(DbError::Orphaned)));
        assert!(wrong(&db).await > 0);
        let writers = Writers::Since(1);
        expand_after(&db, &[FIRST, FOLLOWED], writers, &mut |_| Beat::GoOn).await.unwrap();
        assert_eq!(wrong(&db).await, 0);
    }

    #[tokio::test]
    async fn what_is_not_filled_yet_is_filled_before_its_source_is_taken_away() {
        const WITHOUT: Migration = Migration {
            contract: &["DROP TRIGGER note_length", "ALTER TABLE note DROP COLUMN text"],
            ..FOLLOWED
        };
        let (_dir, db) = grown(&[FIRST, WITHOUT]).await;
        fill_with(&db, 10).await;
        write_by_the_old(&db).await;
        contract(&db, &[FIRST, WITHOUT], 2).await.unwrap();
        assert_eq!(unfilled(&db).await, 0);
        contract(&db, &[FIRST, WITHOUT], 2).await.unwrap();
    }

    #[tokio::test]
    async fn an_older_version_expands_nothing_on_newer_data() {
        let (_dir, db) = grown(&[FIRST, SECOND]).await;
        expand(&db, &[FIRST], &mut |_| Beat::GoOn).await.unwrap();
        db.check(&[FIRST, SECOND]).await.unwrap();
    }

    #[test]
    fn batches_follow_the_time_they_took() {
        assert_eq!(next_batch(500, Duration::from_millis(70)), 250);
        assert_eq!(next_batch(500, Duration::from_millis(50)), 500);
        assert_eq!(next_batch(500, Duration::from_millis(10)), 1_000);
        assert_eq!(next_batch(4_000, Duration::from_millis(260)), 500);
        assert_eq!(next_batch(4_000, Duration::from_millis(1)), 5_000);
        assert_eq!(next_batch(150, Duration::from_secs(9)), 100);
    }
}
