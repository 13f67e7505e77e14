//! Which schema the data has, and who may still read it.

use sqlx::{Row as _, SqliteConnection};

use super::DbError;

/// The table that says so; made before everything else.
pub(super) const TABLES: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS newleaf_meta (
        side TEXT PRIMARY KEY,
        schema INTEGER NOT NULL,
        oldest_reader INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS newleaf_migration (
        side TEXT NOT NULL,
        schema INTEGER NOT NULL,
        part TEXT NOT NULL, -- expand, backfill or contract
        done_at INTEGER NOT NULL,
        PRIMARY KEY (side, schema, part)
    ) STRICT, WITHOUT ROWID",
];

/// Whose schema is meant. The two are counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The host's own tables.
    Host,
    /// The product's.
    Product,
}

impl Side {
    /// The text form, as in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Product => "product",
        }
    }
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// What the data of one side is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Meta {
    /// The schema it has been expanded to.
    pub schema: u32,
    /// The lowest schema whose program still runs correctly on it.
    pub oldest_reader: u32,
}

impl Meta {
    /// Reads one side; zeros where it was never expanded.
    ///
    /// # Errors
    /// The database cannot be read, or has never been made.
    pub async fn read(connection: &mut SqliteConnection, side: Side) -> Result<Self, DbError> {
        let row = sqlx::query("SELECT schema, oldest_reader FROM newleaf_meta WHERE side = ?")
            .bind(side.as_str())
            .fetch_optional(connection)
            .await
            .map_err(DbError::on("read the schema"))?;
        row.map_or(Ok(Self::default()), |row| {
            let number =
                |column| row.try_get::<u32, _>(column).map_err(DbError::on("read the schema"));
            Ok(Self { schema: number("schema")?, oldest_reader: number("oldest_reader")? })
        })
    }

    /// Raises one side to at least `self`.
    pub(super) async fn raise(
        self,
        connection: &mut SqliteConnection,
        side: Side,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO newleaf_meta (side, schema, oldest_reader) VALUES (?1, ?2, ?3)
             ON CONFLICT (side) DO UPDATE SET
                 schema = max(schema, excluded.schema),
                 oldest_reader = max(oldest_reader, excluded.oldest_reader)",
        )
        .bind(side.as_str())
        .bind(self.schema)
        .bind(self.oldest_reader)
        .execute(connection)
        .await
        .map(drop)
    }
}

/// Whether a part of a step has been done.
pub(super) async fn is_done(
    connection: &mut SqliteConnection,
    side: Side,
    schema: u32,
    part: &str,
) -> Result<bool, sqlx::Error> {
    sqlx::query("SELECT 1 FROM newleaf_migration WHERE side = ? AND schema = ? AND part = ?")
        .bind(side.as_str())
        .bind(schema)
        .bind(part)
        .fetch_optional(connection)
        .await
        .map(|row| row.is_some())
}

/// Notes that a part of a step has been done; in the transaction that does it.
pub(super) async fn mark_done(
    connection: &mut SqliteConnection,
    side: Side,
    schema: u32,
    part: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO newleaf_migration VALUES (?, ?, ?, unixepoch()) ON CONFLICT DO NOTHING",
    )
    .bind(side.as_str())
    .bind(schema)
    .bind(part)
    .execute(connection)
    .await
    .map(drop)
}
