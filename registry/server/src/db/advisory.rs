//! Advisories: what the registry's online key says against releases.

use newleaf_domain::Timestamp;
use newleaf_trust::advisory::{Advisory, AdvisoryKind};

use super::open::{Connection, DbError};

/// Records a yank of the release at `path`; a later reason takes the place of an earlier one.
pub(crate) async fn advise(
    connection: &mut Connection,
    path: &str,
    reason: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO advisory (path, kind, reason, since) VALUES (?, 'yank', ?, ?)
         ON CONFLICT (path) DO UPDATE SET reason = excluded.reason, published = 0",
    )
    .bind(path)
    .bind(reason)
    .bind(now.unix())
    .execute(connection)
    .await?;
    Ok(())
}

/// All advisories, by path.
pub(crate) async fn advisories(connection: &mut Connection) -> Result<Vec<Advisory>, DbError> {
    let rows: Vec<(String, String, i64)> =
        sqlx::query_as("SELECT path, reason, since FROM advisory ORDER BY path")
            .fetch_all(connection)
            .await?;
    let advisory = |(path, reason, since)| Advisory {
        kind: AdvisoryKind::Yank,
        path: Some(path),
        sha256: None,
        reason,
        since: Some(Timestamp::from_unix(since)),
        extra: serde_json::Map::new(),
    };
    Ok(rows.into_iter().map(advisory).collect())
}

/// Whether some advisory is not yet visible to hosts.
pub(crate) async fn unpublished_advisories(connection: &mut Connection) -> Result<bool, DbError> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM advisory WHERE published = 0)")
        .fetch_one(connection)
        .await?)
}

/// Records that hosts can see these advisories: those whose text is still the one that was signed.
pub(crate) async fn publish_advisories(
    connection: &mut Connection,
    signed: &[Advisory],
) -> Result<(), DbError> {
    for advisory in signed {
        sqlx::query("UPDATE advisory SET published = 1 WHERE path = ? AND reason = ?")
            .bind(advisory.path.as_deref())
            .bind(&advisory.reason)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Whether hosts can see the advisory about `path`.
pub(crate) async fn is_advised(connection: &mut Connection, path: &str) -> Result<bool, DbError> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM advisory WHERE path = ? AND published = 1)",
    )
    .bind(path)
    .fetch_one(connection)
    .await?)
}
