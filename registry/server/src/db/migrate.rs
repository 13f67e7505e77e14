//! Brings the schema to the newest version, one transaction a step; `user_version` counts them.

use sqlx::{Connection as _, raw_sql};

use super::open::{Connection, DbError};

/// The steps, oldest first. A published step never changes.
const STEPS: [&str; 1] = [include_str!("../../migrations/0001_registry.sql")];

/// What `user_version` becomes after each step; `PRAGMA` takes no bound values.
const MARKS: [&str; 1] = ["PRAGMA user_version = 1"];

pub(super) async fn to_newest(connection: &mut Connection) -> Result<(), DbError> {
    let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await?;
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    let done = usize::try_from(found).unwrap_or(usize::MAX);
    if found > known || done > STEPS.len() {
        return Err(DbError::TooNew { found, known });
    }
    for (step, mark) in STEPS.into_iter().zip(MARKS).skip(done) {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        raw_sql(step).execute(&mut *transaction).await?;
        raw_sql(mark).execute(&mut *transaction).await?;
        transaction.commit().await?;
    }
    Ok(())
}
