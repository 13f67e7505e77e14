//! Files beside the app's database: what they are called, and which of them count, stands in the
//! database alone. A file's own name is random and never used twice, so a file that is being
//! written, or that was replaced, is told from one that counts by the index, whatever crashed.
//!
//! - A change takes SQLite's write lock first, then writes the file to disk, then commits the row.
//! - A file that no row names any more is removed after the commit; after a roll back it is the new
//!   one. What a crash leaves is swept at the first use by the next process.
//! - Bytes beyond a blob's length in the index do not count: they are from an addition that was not
//!   committed, and cut off.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OptionalExtension as _, params};

use super::guard::{PAGE, signed, unsigned};

/// The folder of the files, inside the app's data folder.
pub(super) const FOLDER: &str = "blobs";

/// The longest name in bytes.
pub(super) const MAX_NAME: usize = 512;

/// The most names of one page.
const MAX_PAGE: u32 = 1_000;

/// Why a blob could not be read or written.
#[derive(Debug)]
pub(super) enum BlobError {
    /// The database.
    Sql(rusqlite::Error),
    /// A file.
    File(io::Error),
    /// The quota.
    Quota,
    /// The file that the index named was replaced meanwhile.
    Replaced,
}

impl BlobError {
    /// The same where it was met twice in a row: the file was not replaced, it is gone.
    pub(super) fn lasting(self) -> Self {
        match self {
            Self::Replaced => Self::File(io::ErrorKind::NotFound.into()),
            Self::Sql(_) | Self::File(_) | Self::Quota => self,
        }
    }

    /// What an error of a blob's file says to an app.
    pub(super) fn sentence(error: &io::Error) -> String {
        let is = |kinds: &[io::ErrorKind]| kinds.contains(&error.kind());
        if is(&[io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded]) {
            "the disk of the host is full".to_owned()
        } else if is(&[io::ErrorKind::NotFound, io::ErrorKind::UnexpectedEof]) {
            "the blob's file is damaged on disk".to_owned()
        } else {
            error.to_string()
        }
    }
}

impl From<rusqlite::Error> for BlobError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<io::Error> for BlobError {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

/// The files that a transaction has made, added to or given up; each is looked at when it ends.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// The blob's name, by the file's.
    files: BTreeMap<String, String>,
    /// The pages of the files it has made.
    made: u64,
}

impl Touched {
    /// Whether there is nothing to look at.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

/// A blob as the index has it.
struct Entry {
    file: String,
    length: u64,
}

/// The blobs of one app.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blobs<'a> {
    /// The app's data folder.
    data: &'a Path,
    /// The pages that database and blobs may have together.
    quota: u64,
}

impl<'a> Blobs<'a> {
    pub(super) fn new(data: &'a Path, quota: u64) -> Self {
        Self { data, quota }
    }

    /// Up to `length` bytes from `offset` on.
    pub(super) fn get(
        self,
        connection: &Connection,
        name: &str,
        offset: u64,
        length: usize,
    ) -> Result<Option<Vec<u8>>, BlobError> {
        let Some(entry) = find(connection, name)? else { return Ok(None) };
        let file = match File::open(self.path(&entry.file)?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BlobError::Replaced);
            }
            opened => opened?,
        };
        let left = usize::try_from(entry.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; left.min(length)];
        file.read_exact_at(&mut bytes, offset)?;
        Ok(Some(bytes))
    }

    /// The length of a blob.
    pub(super) fn size(connection: &Connection, name: &str) -> rusqlite::Result<Option<u64>> {
        Ok(find(connection, name)?.map(|entry| entry.length))
    }

    /// Names that start with `prefix`, after `after`, in byte order.
    pub(super) fn names(
        connection: &Connection,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> rusqlite::Result<Vec<String>> {
        if !is_there(connection)? {
            return Ok(Vec::new());
        }
        let mut statement = connection.prepare(
            "SELECT name FROM newleaf_blobs
             WHERE name >= ?1 AND name > ?2 AND name <> '' ORDER BY name LIMIT ?3",
        )?;
        let limit = limit.min(MAX_PAGE);
        let found = statement
            .query_map(params![prefix, after.unwrap_or_default(), limit], |row| row.get(0))?;
        let fits = |name: &rusqlite::Result<String>| {
            name.as_ref().map_or(true, |name| name.starts_with(prefix))
        };
        found.take_while(fits).collect()
    }

    /// Makes the blob hold exactly `bytes`.
    pub(super) fn set(
        self,
        connection: &Connection,
        touched: &mut Touched,
        name: &str,
        bytes: &[u8],
    ) -> Result<(), BlobError> {
        whole(connection, || {
            prepare(connection)?;
            let before = find(connection, name)?;
            let file: String =
                connection.query_row("SELECT lower(hex(randomblob(16)))", [], |row| row.get(0))?;
            let length = bytes.len() as u64;
            let freed = before.as_ref().map_or(0, |entry| pages(entry.length));
            account(connection, pages(length), freed)?;
            index(connection, name, &file, length)?;
            self.keep_quota(connection, touched, pages(length))?;
            touched.files.insert(file.clone(), name.to_owned());
            if let Some(before) = before {
                touched.files.insert(before.file, name.to_owned());
            }
            touched.made += pages(length);
            self.write_new(&file, bytes)?;
            Ok(())
        })
    }

    /// Adds `bytes` to the end of the blob.
    pub(super) fn append(
        self,
        connection: &Connection,
        touched: &mut Touched,
        name: &str,
        bytes: &[u8],
    ) -> Result<(), BlobError> {
        let Some(_) = find(connection, name)? else {
            return self.set(connection, touched, name, bytes);
        };
        whole(connection, || {
            prepare(connection)?;
            // Read again under the write lock, which the account's row takes.
            account(connection, 0, 0)?;
            let Some(before) = find(connection, name)? else {
                return Err(BlobError::Replaced);
            };
            let length = before.length + bytes.len() as u64;
            account(connection, pages(length), pages(before.length))?;
            index(connection, name, &before.file, length)?;
            self.keep_quota(connection, touched, 0)?;
            touched.files.insert(before.file.clone(), name.to_owned());
            let file = OpenOptions::new().write(true).open(self.path(&before.file)?)?;
            file.set_len(before.length)?;
            file.write_all_at(bytes, before.length)?;
            file.sync_all()?;
            Ok(())
        })
    }

    /// Removes the blob; whether it was there.
    pub(super) fn delete(
        connection: &Connection,
        touched: &mut Touched,
        name: &str,
    ) -> Result<bool, BlobError> {
        if find(connection, name)?.is_none() {
            return Ok(false);
        }
        whole(connection, || {
            account(connection, 0, 0)?;
            let Some(before) = find(connection, name)? else { return Ok(false) };
            account(connection, 0, pages(before.length))?;
            connection.prepare("DELETE FROM newleaf_blobs WHERE name = ?1")?.execute([name])?;
            touched.files.insert(before.file, name.to_owned());
            Ok(true)
        })
    }

    /// Brings the files that a transaction touched into step with what became of it; called once
    /// none is open on `connection`. What cannot be done now is done by the next sweep.
    pub(super) fn settle(
        self,
        connection: &Connection,
        touched: &mut Touched,
    ) -> Result<(), BlobError> {
        touched.made = 0;
        for (file, name) in std::mem::take(&mut touched.files) {
            match find(connection, &name)?.filter(|entry| entry.file == file) {
                None => self.remove(&file)?,
                Some(entry) => {
                    let path = self.path(&file)?;
                    if fs::metadata(&path)?.len() > entry.length {
                        whole(connection, || {
                            account(connection, 0, 0)?;
                            self.cut(connection, &name, &file)
                        })?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Removes what a crash has left. Under the write lock no other process is in the middle of a
    /// change, so what the index does not name is nobody's.
    pub(super) fn sweep(self, connection: &Connection) -> Result<(), BlobError> {
        let folder = self.data.join(FOLDER);
        if !folder.is_dir() {
            return Ok(());
        }
        whole(connection, || {
            prepare(connection)?;
            account(connection, 0, 0)?;
            let rows: BTreeMap<String, String> = connection
                .prepare("SELECT file, name FROM newleaf_blobs WHERE name <> ''")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            for entry in fs::read_dir(&folder)? {
                let file = entry?.file_name().to_string_lossy().into_owned();
                match rows.get(&file) {
                    None => self.remove(&file)?,
                    Some(name) => self.cut(connection, name, &file)?,
                }
            }
            Ok(())
        })
    }

    /// Cuts off what the index does not count of a file. Under the write lock.
    fn cut(self, connection: &Connection, name: &str, file: &str) -> Result<(), BlobError> {
        let Some(entry) = find(connection, name)?.filter(|entry| entry.file == file) else {
            return Ok(());
        };
        let opened = OpenOptions::new().write(true).open(self.path(file)?)?;
        if opened.metadata()?.len() > entry.length {
            opened.set_len(entry.length)?;
        }
        Ok(())
    }

    /// Refuses what database and blobs would hold too much with. The files that a transaction has
    /// made and given up again are on the disk as long as it lasts, so they have a bound too.
    fn keep_quota(
        self,
        connection: &Connection,
        touched: &Touched,
        made: u64,
    ) -> Result<(), BlobError> {
        let database =
            connection.query_row("PRAGMA page_count", [], |row| row.get(0).map(unsigned))?;
        let together = database.saturating_add(used(connection)?);
        if together > self.quota || touched.made.saturating_add(made) > self.quota {
            return Err(BlobError::Quota);
        }
        Ok(())
    }

    fn write_new(self, file: &str, bytes: &[u8]) -> io::Result<()> {
        let folder = self.data.join(FOLDER);
        if !folder.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
            File::open(self.data)?.sync_all()?;
        }
        let opened =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join(file))?;
        opened.write_all_at(bytes, 0)?;
        opened.sync_all()?;
        File::open(&folder)?.sync_all()
    }

    fn remove(self, file: &str) -> io::Result<()> {
        match fs::remove_file(self.path(file)?) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Where a file lies. The name came from the app's database: it is one that the host makes, or
    /// nothing is done with it.
    fn path(self, file: &str) -> io::Result<PathBuf> {
        if is_made_here(file) {
            Ok(self.data.join(FOLDER).join(file))
        } else {
            Err(io::Error::new(io::ErrorKind::NotFound, "the index names no file of a blob"))
        }
    }
}

/// Whether a name is one that files of blobs have: 32 hexadecimal digits.
fn is_made_here(file: &str) -> bool {
    file.len() == 32 && file.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Pages that the blobs take of the quota, as `connection` sees them.
pub(super) fn used(connection: &Connection) -> rusqlite::Result<u64> {
    if !is_there(connection)? {
        return Ok(0);
    }
    let used = connection
        .prepare("SELECT length FROM newleaf_blobs WHERE name = ''")?
        .query_row([], |row| row.get(0).map(unsigned))
        .optional()?;
    Ok(used.unwrap_or(0))
}

/// The files that the index names, with what counts of each; no name leads out of their folder.
pub(super) fn files(connection: &Connection) -> rusqlite::Result<Vec<(String, u64)>> {
    if !is_there(connection)? {
        return Ok(Vec::new());
    }
    let mut rows = connection.prepare("SELECT file, length FROM newleaf_blobs WHERE name <> ''")?;
    let rows = rows.query_map([], |row| Ok((row.get(0)?, unsigned(row.get(1)?))))?;
    let is_file = |row: &rusqlite::Result<(String, u64)>| {
        row.as_ref().map_or(true, |(file, _)| is_made_here(file))
    };
    rows.filter(is_file).collect()
}

/// Whether the app ever had a blob.
fn is_there(connection: &Connection) -> rusqlite::Result<bool> {
    connection
        .prepare("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'newleaf_blobs')")?
        .query_row([], |row| row.get(0))
}

/// Makes the index where it is missing. The row of the empty name, which no blob has, is the
/// account: its `length` is the number of pages that all blobs take.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    if is_there(connection)? {
        return Ok(());
    }
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS newleaf_blobs
             (name TEXT PRIMARY KEY, file TEXT NOT NULL, length INTEGER NOT NULL) WITHOUT ROWID;
         INSERT OR IGNORE INTO newleaf_blobs VALUES ('', '', 0)",
    )
}

/// Moves the account; takes the write lock.
fn account(connection: &Connection, more: u64, less: u64) -> rusqlite::Result<()> {
    connection
        .prepare("UPDATE newleaf_blobs SET length = length + ?1 - ?2 WHERE name = ''")?
        .execute(params![signed(more), signed(less)])
        .map(|_| ())
}

fn index(connection: &Connection, name: &str, file: &str, length: u64) -> rusqlite::Result<()> {
    connection
        .prepare(
            "INSERT INTO newleaf_blobs VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET file = ?2, length = ?3",
        )?
        .execute(params![name, file, signed(length)])
        .map(|_| ())
}

fn find(connection: &Connection, name: &str) -> rusqlite::Result<Option<Entry>> {
    if !is_there(connection)? {
        return Ok(None);
    }
    let entry =
        |row: &rusqlite::Row<'_>| Ok(Entry { file: row.get(0)?, length: unsigned(row.get(1)?) });
    connection
        .prepare("SELECT file, length FROM newleaf_blobs WHERE name = ?1 AND name <> ''")?
        .query_row([name], entry)
        .optional()
}

/// What a blob of `length` takes of the quota: what it takes on disk, the empty one included.
fn pages(length: u64) -> u64 {
    length.div_ceil(PAGE).max(1)
}

/// Runs `change` so that all of it is done or nothing, within the open transaction or in one of
/// its own.
fn whole<T>(
    connection: &Connection,
    change: impl FnOnce() -> Result<T, BlobError>,
) -> Result<T, BlobError> {
    connection.execute_batch("SAVEPOINT newleaf_blob")?;
    let done = change().and_then(|done| {
        connection.execute_batch("RELEASE newleaf_blob")?;
        Ok(done)
    });
    // An error of SQLite may have rolled back all of the transaction, savepoint included.
    if done.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK TO newleaf_blob; RELEASE newleaf_blob")?;
    }
    done
}
