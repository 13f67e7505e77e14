//! A copy of an app's data folder taken while the app serves and writes: one moment of the database,
//! and beside it the files one after the other. For a rehearsal; what is to be put back one day is
//! copied by `copy`, from data that nobody uses.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::Path,
    time::Duration,
};

use newleaf_domain::ByteSize;
use rusqlite::{Connection, OpenFlags};

use super::{CopyError, DATABASE_FILE, copy::file};

/// How long the copy waits for a lock; readers and writers of a database with a write-ahead log
/// hold none that a copy needs for long.
const LOCK_WAIT: Duration = Duration::from_secs(10);

/// Copies the data folder of an app that may be serving to `destination`, which must not exist;
/// gives the size of the copy. Nothing is synced: the copy is not to outlive the process.
///
/// Blocks on the disk.
///
/// # Errors
/// [`CopyError`]; what there is of the copy counts for nothing.
pub fn copy_live(data: &Path, destination: &Path) -> Result<ByteSize, CopyError> {
    make(destination)?;
    let database = data.join(DATABASE_FILE);
    let mut copied = 0;
    if database.exists() {
        let copy = destination.join(DATABASE_FILE);
        one_moment(&database, &copy)?;
        copied += fs::metadata(&copy).map_err(file("read", &copy))?.len();
    }
    if data.exists() {
        copied += files(data, destination)?;
    }
    Ok(ByteSize::bytes(copied))
}

/// Writes the database as it is at one moment into a new file, whatever is written meanwhile.
fn one_moment(database: &Path, copy: &Path) -> Result<(), CopyError> {
    let failed = |source| CopyError::Settle { path: database.to_owned(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags).map_err(failed)?;
    connection.busy_timeout(LOCK_WAIT).map_err(failed)?;
    let into = copy.to_string_lossy();
    connection.execute("VACUUM INTO ?1", [into.as_ref()]).map_err(failed)?;
    connection.close().map_err(|(_, source)| failed(source))
}

/// Copies everything but the database. What is gone by the time it is its turn is left out.
fn files(from: &Path, to: &Path) -> Result<u64, CopyError> {
    let mut copied = 0;
    for entry in fs::read_dir(from).map_err(file("read", from))? {
        let entry = entry.map_err(file("read", from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name().to_string_lossy().starts_with(DATABASE_FILE) {
            continue;
        }
        let kind = entry.file_type().map_err(file("read", &source))?;
        if kind.is_dir() {
            make(&target)?;
            copied += files(&source, &target)?;
        } else if kind.is_file() {
            match fs::copy(&source, &target) {
                Ok(bytes) => copied += bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(file("copy", &source)(error)),
            }
        }
    }
    Ok(copied)
}

fn make(folder: &Path) -> Result<(), CopyError> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(file("make", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_copy_is_one_moment_of_a_database_that_is_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let (data, copy) = (folder.path().join("data"), folder.path().join("copy"));
        fs::create_dir_all(data.join("blobs")).unwrap();
        fs::write(data.join("blobs/one"), "1").unwrap();
        let writer = Connection::open(data.join(DATABASE_FILE)).unwrap();
        writer.pragma_update(None, "journal_mode", "WAL").unwrap();
        writer.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES ('kept')").unwrap();
        writer.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES ('under way')").unwrap();
        let copied = copy_live(&data, &copy).unwrap();
        writer.execute_batch("COMMIT").unwrap();
        assert!(copied.as_u64() > 1);
        assert_eq!(fs::read_to_string(copy.join("blobs/one")).unwrap(), "1");
        let reader = Connection::open(copy.join(DATABASE_FILE)).unwrap();
        let rows: i64 = reader.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 1, "what was not committed is in the copy");
        reader.execute_batch("DELETE FROM t").unwrap();
        let there: i64 = writer.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(there, 2, "the copy shares something with the data");
    }

    #[test]
    fn an_app_without_data_has_an_empty_copy() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy");
        let copied = copy_live(&folder.path().join("nothing"), &copy).unwrap();
        assert!(copied == ByteSize::bytes(0) && copy.is_dir());
    }
}
