//! The history of updates as a table, for SQL tools and support: a copy of what the journal says,
//! made by the worker that holds the baton. Nothing reads it to decide; the journal is the truth.

use std::collections::BTreeMap;

use newleaf_launcher::journal::Entry;
use newleaf_update::Updater;
use newleaf_update::explain::chain;
use newleaf_update::port::LauncherError;
use newleaf_update::view::HistoryEntry;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::db::{Db, DbError};
use crate::worker::News;

/// Why the table could not be brought up to date. The next record tries again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HistoryError {
    /// The journal.
    #[error("the journal cannot be read")]
    Journal(#[source] LauncherError),
    /// An update does not print as JSON.
    #[error("write update {id} as JSON")]
    Form {
        /// The update.
        id: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The table.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Keeps the table up to date until the launcher is gone: whole at first, then after each record
/// that begins or ends an update, and whole again where some were missed.
pub(crate) async fn follow(db: &Db, updater: &Updater, mut news: broadcast::Receiver<News>) {
    loop {
        if let Err(error) = project(db, updater).await {
            tracing::warn!(error = chain(&error), "the table of updates is behind the journal");
        }
        loop {
            match news.recv().await {
                Ok(News::Record(record)) if begins_or_ends(&record.entry) => break,
                Ok(News::Record(_) | News::State(_)) => {}
                Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return,
            }
        }
    }
}

const fn begins_or_ends(entry: &Entry) -> bool {
    matches!(entry, Entry::Began { .. } | Entry::Ended { .. })
}

/// Writes each update whose row is missing, or was made from another record than its newest.
/// Running it again changes nothing.
async fn project(db: &Db, updater: &Updater) -> Result<(), HistoryError> {
    let history = updater.numbered_history().await.map_err(HistoryError::Journal)?;
    let there = rows(db).await?;
    let mut rows = Vec::new();
    for (seq, entry) in history {
        let (id, seq) = (entry.id.to_string(), i64::try_from(seq).unwrap_or(i64::MAX));
        if there.get(&id) != Some(&seq) {
            rows.push(row(id, seq, &entry)?);
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    Ok(write(db, rows).await.map_err(DbError::on("write the history"))?)
}

fn row(id: String, seq: i64, entry: &HistoryEntry) -> Result<Row, HistoryError> {
    match serde_json::to_string(entry) {
        Ok(json) => Ok((id, seq, json)),
        Err(source) => Err(HistoryError::Form { id, source }),
    }
}

/// An update's id, its newest record's number, and its entry as JSON.
type Row = (String, i64, String);

/// Which updates the table has, and from which record.
async fn rows(db: &Db) -> Result<BTreeMap<String, i64>, DbError> {
    let rows = sqlx::query_as("SELECT update_id, last_seq FROM newleaf_history");
    let rows: Vec<(String, i64)> =
        rows.fetch_all(db.reader()).await.map_err(DbError::on("read the history"))?;
    Ok(rows.into_iter().collect())
}

async fn write(db: &Db, rows: Vec<Row>) -> Result<(), sqlx::Error> {
    let mut work = db.writer().begin_with("BEGIN IMMEDIATE").await?;
    for (id, seq, json) in rows {
        sqlx::query(
            "INSERT INTO newleaf_history (update_id, last_seq, entry) VALUES (?1, ?2, ?3)
             ON CONFLICT (update_id) DO UPDATE SET
                 last_seq = excluded.last_seq, entry = excluded.entry",
        )
        .bind(id)
        .bind(seq)
        .bind(json)
        .execute(&mut *work)
        .await?;
    }
    work.commit().await
}

#[cfg(test)]
mod tests {
    use newleaf_domain::Target;
    use newleaf_launcher::journal::Ending;
    use newleaf_update::port::fake::{Host, World};
    use newleaf_update::{Approval, Consent};
    use serde_json::json;

    use super::*;
    use crate::db::{Beat, expand};

    async fn db() -> (tempfile::TempDir, Db) {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(dir.path()).await.unwrap();
        expand(&db, &[], &mut |_| Beat::GoOn).await.unwrap();
        (dir, db)
    }

    /// A host that has updated its core once.
    async fn updated() -> (World, Host) {
        let world = World::new();
        world.publisher().core("1.1.0", json!({}));
        world.publish();
        let host = world.start();
        let plan = host.updater.plan(&Target::Core, None).await.unwrap().plan.id;
        let approval = Approval::new(plan, Consent::Given, "ada".to_owned());
        let id = host.updater.start(approval).await.unwrap();
        host.updater.finished(&id).await.unwrap().unwrap();
        (world, host)
    }

    async fn table(db: &Db) -> Vec<(i64, HistoryEntry)> {
        let rows = sqlx::query_as("SELECT last_seq, entry FROM newleaf_history ORDER BY last_seq");
        let rows: Vec<(i64, String)> = rows.fetch_all(db.reader()).await.unwrap();
        rows.into_iter().map(|(seq, json)| (seq, serde_json::from_str(&json).unwrap())).collect()
    }

    async fn run(db: &Db, statement: &'static str) {
        sqlx::query(statement).execute(db.writer()).await.unwrap();
    }

    #[tokio::test]
    async fn rows_that_were_deleted_are_made_again_from_the_journal() {
        let (_dir, db) = db().await;
        let (world, host) = updated().await;
        project(&db, &host.updater).await.unwrap();
        let made = table(&db).await;
        let newest = i64::try_from(world.disk.journal().last().unwrap().seq).unwrap();
        assert_eq!(made[0].0, newest);
        assert_eq!(made[0].1.ending, Some(Ending::Committed));
        assert_eq!(vec![made[0].1.clone()], host.updater.history().await.unwrap());
        run(&db, "DELETE FROM newleaf_history").await;
        project(&db, &host.updater).await.unwrap();
        assert_eq!(table(&db).await, made);
    }

    #[tokio::test]
    async fn a_row_from_an_older_record_is_replaced_and_a_second_run_changes_nothing() {
        let (_dir, db) = db().await;
        let (_world, host) = updated().await;
        project(&db, &host.updater).await.unwrap();
        let made = table(&db).await;
        run(&db, "UPDATE newleaf_history SET last_seq = 1, entry = '{}'").await;
        project(&db, &host.updater).await.unwrap();
        assert_eq!(table(&db).await, made);
        run(&db, "UPDATE newleaf_history SET entry = '{\"left\": \"alone\"}'").await;
        project(&db, &host.updater).await.unwrap();
        let rows: Vec<(String,)> = sqlx::query_as("SELECT entry FROM newleaf_history")
            .fetch_all(db.reader())
            .await
            .unwrap();
        assert!(rows[0].0.contains("alone"), "a row of the newest record was written again");
    }

    #[tokio::test]
    async fn when_the_launcher_is_gone_all_it_told_stands_in_the_table() {
        let (_dir, db) = db().await;
        let (world, host) = updated().await;
        let (tell, news) = broadcast::channel(4);
        let record = world.disk.journal().pop().unwrap();
        tell.send(News::Record(std::sync::Arc::new(record))).unwrap();
        // The launcher is gone: what it told is taken in, and the follower ends.
        drop(tell);
        follow(&db, &host.updater, news).await;
        assert_eq!(table(&db).await.len(), 1);
    }
}
