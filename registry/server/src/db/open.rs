//! Opens the database: one writer, several readers, everything durable. Knows no table.

use std::path::Path;
use std::time::Duration;

use newleaf_domain::InvalidWord;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Sqlite, SqliteConnection};

use super::migrate;

/// A transaction of the only writer.
type Transaction = sqlx::Transaction<'static, Sqlite>;

/// The database.
#[derive(Debug, Clone)]
pub struct Db {
    writer: SqlitePool,
    readers: SqlitePool,
}

/// Why the database could not answer. Completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The library or SQLite failed.
    #[error("the database did not answer")]
    Sql(#[from] sqlx::Error),
    /// A newer program has written the database.
    #[error("the database has schema {found}, but this program knows {known}")]
    TooNew {
        /// What it has.
        found: i64,
        /// The newest this program knows.
        known: i64,
    },
    /// A stored value does not have its form; something else than this program wrote it.
    #[error("a stored {column} is damaged")]
    Damaged {
        /// Which value.
        column: &'static str,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl DbError {
    /// For a value that does not parse back.
    pub(crate) fn damaged<E>(column: &'static str) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |source| Self::Damaged { column, source: source.into() }
    }
}

impl From<InvalidWord> for DbError {
    fn from(source: InvalidWord) -> Self {
        Self::Damaged { column: source.word, source: source.into() }
    }
}

impl Db {
    /// Opens the database file at `path`, makes it where there is none, and brings it to the newest
    /// schema.
    ///
    /// # Errors
    /// It cannot be opened, or a newer program wrote it.
    pub async fn open(path: &Path) -> Result<Self, DbError> {
        // FULL: an acknowledged release must survive a power cut, and publishing is rare.
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        let writer =
            SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        migrate::to_newest(&mut *writer.acquire().await?).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_with(options.read_only(true))
            .await?;
        Ok(Self { writer, readers })
    }

    /// A connection that cannot write.
    pub(crate) async fn read(&self) -> Result<sqlx::pool::PoolConnection<Sqlite>, DbError> {
        Ok(self.readers.acquire().await?)
    }

    /// A transaction that holds the write lock from its first statement, so that what it reads
    /// stays true until it commits.
    pub(crate) async fn write(&self) -> Result<Transaction, DbError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Whether the database answers.
    pub(crate) async fn check(&self) -> Result<(), DbError> {
        let mut connection = self.read().await?;
        let _: i64 =
            sqlx::query_scalar("SELECT count(*) FROM role").fetch_one(&mut *connection).await?;
        Ok(())
    }

    /// Closes all connections, so that the file may be moved or copied.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// The plain connection that statements run on, of a transaction or of the readers.
pub(super) type Connection = SqliteConnection;
