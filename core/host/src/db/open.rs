//! Opens `newleaf.db`, and refuses what this version cannot read or was not prepared for.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection as _, SqliteConnection};

use super::{HOST_MIGRATIONS, Meta, Migration, Side, meta};

/// How long a statement waits for another process's transaction. During a handover two versions
/// write; each of their transactions is far shorter.
const BUSY: Duration = Duration::from_secs(10);

/// Readers at a time. More would wait for the two or four cores anyway.
const READERS: u32 = 4;

/// The file's name below the host's folder.
pub(crate) const FILE: &str = "newleaf.db";

/// How every SQLite database begins (file format §1.3.1).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Why the database could not be used.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// A newer version has taken away what this one needs.
    #[error(
        "the {side} data can be read from schema {oldest_reader} on, but this version has schema {own}"
    )]
    TooNew {
        /// Whose data.
        side: Side,
        /// The lowest schema that may read it.
        oldest_reader: u32,
        /// What this version has.
        own: u32,
    },
    /// The data was not extended for this version.
    #[error("the {side} data has schema {found}, but this version needs schema {own}")]
    NotExpanded {
        /// Whose data.
        side: Side,
        /// What it has.
        found: u32,
        /// What this version has.
        own: u32,
    },
    /// The file is gone, or is no database any more.
    #[error("use newleaf.db: {0}")]
    Lost(String),
    /// A crash left something of putting a snapshot back, and the disk refuses to clear it up.
    #[error("clear up what is left of a restore: {0}")]
    Unsettled(String),
    /// Whoever started the work is gone.
    #[error("the process that asked for the work is gone")]
    Orphaned,
    /// The folder `data/` or the file cannot be made.
    #[error("create {}", path.display())]
    Create {
        /// What could not be made.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The database refused.
    #[error("{action}")]
    Database {
        /// What was being done.
        action: &'static str,
        /// What it said.
        #[source]
        source: sqlx::Error,
    },
}

impl DbError {
    /// What a person can do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::TooNew { .. } => "start the newer version again, or restore a snapshot of before",
            Self::NotExpanded { .. } => {
                "start this version by `newleaf update core`, which extends the data first"
            }
            Self::Lost(_) => {
                "stop the host, then put it back: `newleaf snapshot list` names the snapshots there are"
            }
            Self::Orphaned => "start the update again; it goes on where it stopped",
            Self::Create { .. } | Self::Unsettled(_) => "check that the folder is writable",
            Self::Database { .. } => {
                "check that the disk is not full and newleaf.db is owned by the host's user"
            }
        }
    }

    /// Whether the machine is to blame and not the version: disk, memory, descriptors, the lock of
    /// another process.
    pub fn is_machine(&self) -> bool {
        match self {
            Self::Create { source, .. } => newleaf_launcher::serve::is_machine(source),
            Self::Database { source, .. } => is_machine(source),
            Self::Lost(_) | Self::Unsettled(_) | Self::Orphaned => true,
            Self::TooNew { .. } | Self::NotExpanded { .. } => false,
        }
    }

    /// Whether the file is damaged.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Lost(_) => true,
            Self::Database { source, .. } => has_code(source, &DAMAGE_CODES),
            Self::TooNew { .. }
            | Self::NotExpanded { .. }
            | Self::Orphaned
            | Self::Unsettled(_)
            | Self::Create { .. } => false,
        }
    }

    pub(crate) fn on(action: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Database { action, source }
    }
}

/// `SQLITE_BUSY`, `SQLITE_LOCKED`, `SQLITE_NOMEM`, `SQLITE_READONLY`, `SQLITE_IOERR`,
/// `SQLITE_CORRUPT`, `SQLITE_FULL`, `SQLITE_CANTOPEN`, `SQLITE_NOTADB`: the low byte of the extended
/// result code.
const MACHINE_CODES: [u32; 9] = [5, 6, 7, 8, 10, 11, 13, 14, 26];

/// Those of [`MACHINE_CODES`] that say the file itself is no sound database.
const DAMAGE_CODES: [u32; 2] = [11, 26];

fn is_machine(error: &sqlx::Error) -> bool {
    if let sqlx::Error::Io(error) = error {
        return newleaf_launcher::serve::is_machine(error);
    }
    has_code(error, &MACHINE_CODES)
}

fn has_code(error: &sqlx::Error, codes: &[u32]) -> bool {
    error
        .as_database_error()
        .and_then(|error| error.code()?.parse::<u32>().ok())
        .is_some_and(|code| codes.contains(&(code & 0xff)))
}

/// The database, open. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Db {
    writer: SqlitePool,
    reader: SqlitePool,
}

/// Nobody else may read the database, whatever the folder and the umask say: SQLite would make the
/// file as the umask allows, and gives its log the rights of the file. Where that fails, opening it
/// says why.
fn keep_closed(path: &Path) {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    if made.is_err()
        && let Ok(metadata) = std::fs::metadata(path)
        && metadata.permissions().mode() & 0o077 != 0
        && let Err(error) = std::fs::set_permissions(path, Permissions::from_mode(0o600))
    {
        tracing::warn!(path = %path.display(), %error, "others may read the database");
    }
}

impl Db {
    /// Opens the database of the host in `dir`, making the file where there is none. Checks and
    /// changes nothing in it.
    ///
    /// # Errors
    /// The file cannot be made or opened.
    pub async fn open(dir: &Path) -> Result<Self, DbError> {
        keep_closed(&dir.join(FILE));
        let options = SqliteConnectOptions::new()
            .filename(dir.join(FILE))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // What was answered with success outlives a power cut, and so does an extended schema
            // that `state` relies on from its next write on.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY)
            .foreign_keys(true);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone())
            .await
            .map_err(DbError::on("open newleaf.db"))?;
        let reader = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.read_only(true).create_if_missing(false))
            .await
            .map_err(DbError::on("open newleaf.db for reading"))?;
        Ok(Self { writer, reader })
    }

    /// The same for a host that has run: one that is gone is missed, not made anew and empty. What a
    /// crash left of putting a snapshot back is cleared up first.
    ///
    /// # Errors
    /// [`DbError::Lost`], [`DbError::Unsettled`], or the file cannot be opened.
    pub async fn open_existing(dir: &Path) -> Result<Self, DbError> {
        let settled = super::snapshot::settle(dir);
        settled.map_err(|error| DbError::Unsettled(newleaf_update::explain::chain(&error)))?;
        match fault(dir) {
            None => Self::open(dir).await,
            Some(fault) => Err(DbError::Lost(fault)),
        }
    }

    /// The one connection that writes; transactions of this process queue for it, so that none
    /// of them can fail half way for another's lock.
    pub const fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    /// Connections that only read.
    pub const fn reader(&self) -> &SqlitePool {
        &self.reader
    }

    /// Whether a program with these migrations may work on the data as it is.
    ///
    /// # Errors
    /// [`DbError::TooNew`] or [`DbError::NotExpanded`], for either side.
    pub async fn check(&self, product: &[Migration]) -> Result<(), DbError> {
        let mut connection = self.reader.acquire().await.map_err(DbError::on("read newleaf.db"))?;
        for (side, migrations) in [(Side::Host, HOST_MIGRATIONS), (Side::Product, product)] {
            let own = newest(migrations);
            let Meta { schema, oldest_reader } = Meta::read(&mut connection, side).await?;
            if own < oldest_reader {
                return Err(DbError::TooNew { side, oldest_reader, own });
            }
            if own > schema {
                return Err(DbError::NotExpanded { side, found: schema, own });
            }
        }
        Ok(())
    }

    /// Whether no version has ever made its tables in it.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(super) async fn is_new(&self) -> Result<bool, DbError> {
        let mut connection = self.reader.acquire().await.map_err(DbError::on("read newleaf.db"))?;
        let tables = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'newleaf_meta')";
        let asked = sqlx::query_scalar::<_, bool>(tables).fetch_one(&mut *connection).await;
        if !asked.map_err(DbError::on("read the schema"))? {
            return Ok(true);
        }
        Ok(Meta::read(&mut connection, Side::Host).await?.schema == 0)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<(), DbError> {
        let asked = sqlx::query("SELECT 1").fetch_one(&self.reader).await;
        asked.map(drop).map_err(DbError::on("read newleaf.db"))
    }

    /// Makes the tables that say what the data is, where they are missing.
    pub(super) async fn make_meta(&self) -> Result<(), DbError> {
        for table in meta::TABLES {
            sqlx::query(table)
                .execute(&self.writer)
                .await
                .map_err(DbError::on("make the table of schemas"))?;
        }
        Ok(())
    }

    /// Closes every connection; the last one of all processes folds the log into the file.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

/// What a look at `newleaf.db` shows to be wrong with it. What stands in it is not asked.
pub(crate) fn fault(dir: &Path) -> Option<String> {
    let mut head = [0; MAGIC.len()];
    let read = File::open(dir.join(FILE)).and_then(|mut file| file.read_exact(&mut head));
    match read {
        Ok(()) if head == *MAGIC => None,
        Ok(()) => Some("the file is no database any more".to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => Some("the file is gone".to_owned()),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            Some("the file is empty or torn".to_owned())
        }
        Err(error) => Some(format!("the file cannot be read: {error}")),
    }
}

/// The lowest schema whose program can still run on the product's tables of the host in `dir`; none
/// where there is no database yet. For those who have none open.
///
/// # Errors
/// The database cannot be read.
pub(crate) async fn oldest_reader(dir: &Path) -> Result<Option<u32>, DbError> {
    if !dir.join(FILE).exists() {
        return Ok(None);
    }
    let mut connection = reading(dir).await?;
    let meta = Meta::read(&mut connection, Side::Product).await;
    connection.close().await.map_err(DbError::on("close newleaf.db"))?;
    meta.map(|meta| Some(meta.oldest_reader))
}

/// One connection that only reads the database of the host in `dir`, which must be there.
pub(crate) async fn reading(dir: &Path) -> Result<SqliteConnection, DbError> {
    let options =
        SqliteConnectOptions::new().filename(dir.join(FILE)).read_only(true).busy_timeout(BUSY);
    let opened = SqliteConnection::connect_with(&options).await;
    opened.map_err(DbError::on("open newleaf.db for reading"))
}

/// The newest schema of a list of migrations; 0 of none.
pub(super) fn newest(migrations: &[Migration]) -> u32 {
    migrations.iter().map(|migration| migration.schema).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_transaction_is_on_the_disk_before_it_counts_as_done() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(dir.path()).await.unwrap();
        let asked = sqlx::query_scalar::<_, i64>("PRAGMA synchronous").fetch_one(db.writer());
        assert_eq!(asked.await.unwrap(), 2, "2 is FULL");
        db.close().await;
    }

    #[tokio::test]
    async fn nobody_else_may_read_the_database_in_a_folder_that_is_open_to_all() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        let mode = |name: &str| {
            std::fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777
        };
        let db = Db::open(dir.path()).await.unwrap();
        db.make_meta().await.unwrap();
        for name in [FILE, "newleaf.db-wal", "newleaf.db-shm"] {
            assert_eq!(mode(name), 0o600, "{name}");
        }
        db.close().await;
        std::fs::set_permissions(dir.path().join(FILE), Permissions::from_mode(0o644)).unwrap();
        Db::open(dir.path()).await.unwrap().close().await;
        assert_eq!(mode(FILE), 0o600, "one that was made by an older version");
    }

    #[tokio::test]
    async fn a_database_that_is_lost_is_named_and_none_is_made_in_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        for (content, named) in [
            (None, "the file is gone"),
            (Some(""), "the file is empty or torn"),
            (Some("no database at all"), "the file is no database any more"),
        ] {
            if let Some(content) = content {
                std::fs::write(&path, content).unwrap();
            }
            let error = Db::open_existing(dir.path()).await.unwrap_err();
            assert_eq!(error.to_string(), format!("use newleaf.db: {named}"));
            assert!(error.is_machine(), "a version is blamed for {named}");
            assert_eq!(std::fs::read_to_string(&path).ok().as_deref(), content);
        }
        std::fs::remove_file(&path).unwrap();
        Db::open(dir.path()).await.unwrap().close().await;
        Db::open_existing(dir.path()).await.unwrap().close().await;
    }
}
