//! Publishers: the people and teams that tokens belong to.

use newleaf_domain::Timestamp;

use super::open::{Connection, DbError};

/// Adds a publisher; nothing where the name is taken.
pub(crate) async fn create_publisher(
    connection: &mut Connection,
    name: &str,
    now: Timestamp,
) -> Result<Option<i64>, DbError> {
    Ok(sqlx::query_scalar(
        "INSERT INTO publisher (name, created) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING id",
    )
    .bind(name)
    .bind(now.unix())
    .fetch_optional(connection)
    .await?)
}

/// The publisher called `name`.
pub(crate) async fn publisher(
    connection: &mut Connection,
    name: &str,
) -> Result<Option<i64>, DbError> {
    Ok(sqlx::query_scalar("SELECT id FROM publisher WHERE name = ?")
        .bind(name)
        .fetch_optional(connection)
        .await?)
}
