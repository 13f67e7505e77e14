//! Key-value pairs in the host's own table of the app's database.
//!
//! Statements are prepared anew each time: one that the host prepared must never lie in the
//! connection's cache, where the same text from the app would find it without being judged.

use rusqlite::{Connection, OptionalExtension as _, params};

/// The longest key in bytes.
pub(super) const MAX_KEY: usize = 512;

/// The most keys of one page.
pub(super) const MAX_PAGE: u32 = 1_000;

/// Makes the table where it is missing.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    let there: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'newleaf_keys')",
        [],
        |row| row.get(0),
    )?;
    if there {
        return Ok(());
    }
    // Two processes may be here at one time.
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS newleaf_keys (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    )
}

/// The value of `key`.
pub(super) fn get(connection: &Connection, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare("SELECT value FROM newleaf_keys WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

/// Gives `key` a value.
pub(super) fn set(connection: &Connection, key: &str, value: &[u8]) -> rusqlite::Result<()> {
    connection
        .prepare(
            "INSERT INTO newleaf_keys VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2",
        )?
        .execute(params![key, value])
        .map(|_| ())
}

/// Removes `key`; whether it was there.
pub(super) fn delete(connection: &Connection, key: &str) -> rusqlite::Result<bool> {
    connection
        .prepare("DELETE FROM newleaf_keys WHERE key = ?1")?
        .execute([key])
        .map(|removed| removed > 0)
}

/// Keys that start with `prefix`, after `after`, in byte order.
pub(super) fn page(
    connection: &Connection,
    prefix: &str,
    after: Option<&str>,
    limit: u32,
) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare(
            "SELECT key FROM newleaf_keys
             WHERE key >= ?1 AND substr(key, 1, length(?1)) = ?1 AND (?2 IS NULL OR key > ?2)
             ORDER BY key LIMIT ?3",
        )?
        .query_map(params![prefix, after, limit.min(MAX_PAGE)], |row| row.get(0))?
        .collect()
}
