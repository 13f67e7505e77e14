//! Files of the public tree that a newer version has replaced.

use newleaf_domain::Timestamp;

use super::open::{Connection, DbError};

/// Records that `path` is no longer current.
pub(crate) async fn supersede(
    connection: &mut Connection,
    path: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query("INSERT INTO superseded (path, since) VALUES (?, ?) ON CONFLICT DO NOTHING")
        .bind(path)
        .bind(now.unix())
        .execute(connection)
        .await?;
    Ok(())
}

/// The files that were replaced before `limit`.
pub(crate) async fn superseded_before(
    connection: &mut Connection,
    limit: Timestamp,
) -> Result<Vec<String>, DbError> {
    Ok(sqlx::query_scalar("SELECT path FROM superseded WHERE since < ? ORDER BY path LIMIT 1000")
        .bind(limit.unix())
        .fetch_all(connection)
        .await?)
}

/// Forgets a file that was removed.
pub(crate) async fn forget_superseded(
    connection: &mut Connection,
    path: &str,
) -> Result<(), DbError> {
    sqlx::query("DELETE FROM superseded WHERE path = ?").bind(path).execute(connection).await?;
    Ok(())
}
