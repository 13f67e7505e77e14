//! Files that are signed and stored, in the order in which they are to be written to the public
//! tree. An entry leaves only after its file is durably there, so writing one twice is harmless.

use super::open::{Connection, DbError};

/// A file to write.
#[derive(Debug, Clone)]
pub(crate) struct OutboxEntry {
    /// Its place in the order.
    pub(crate) id: i64,
    /// Its path below the public tree.
    pub(crate) path: String,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
}

/// Adds a file behind all others.
pub(crate) async fn enqueue(
    connection: &mut Connection,
    path: &str,
    bytes: &[u8],
) -> Result<(), DbError> {
    sqlx::query("INSERT INTO outbox (path, bytes) VALUES (?, ?)")
        .bind(path)
        .bind(bytes)
        .execute(connection)
        .await?;
    Ok(())
}

/// The first file after the one numbered `after`.
pub(crate) async fn next_entry(
    connection: &mut Connection,
    after: i64,
) -> Result<Option<OutboxEntry>, DbError> {
    let row: Option<(i64, String, Vec<u8>)> =
        sqlx::query_as("SELECT id, path, bytes FROM outbox WHERE id > ? ORDER BY id LIMIT 1")
            .bind(after)
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|(id, path, bytes)| OutboxEntry { id, path, bytes }))
}

/// Removes all files up to the one numbered `id`, which are written.
pub(crate) async fn take_entry(connection: &mut Connection, id: i64) -> Result<(), DbError> {
    sqlx::query("DELETE FROM outbox WHERE id <= ?").bind(id).execute(connection).await?;
    Ok(())
}
