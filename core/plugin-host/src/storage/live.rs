//! A copy of an app's data folder taken while the app serves and writes: one moment of the database,
//! and beside it the blobs that its index names at that moment. For a rehearsal; what is to be put back one day is
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

use super::{CopyError, DATABASE_FILE, blobs, copy::file};

/// How long the copy waits for a lock; readers and writers of a database with a write-ahead log
/// hold none that a copy needs for long.
const LOCK_WAIT: Duration = Duration::from_secs(10);

/// The moments that are tried while writers go on. Each one copies only what the one before has not,
/// so that few are needed unless every blob is replaced all the time.
const ROUNDS: u32 = 4;

/// Whether a folder is the data folder itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Top {
    Yes,
    No,
}

/// Copies the data folder of an app that may be serving to `destination`, which must not exist;
/// gives the size of the copy. Nothing is synced: the copy is not to outlive the process.
///
/// Whatever the index in the copied database names is among the files of the copy, as long as it
/// was then. A file that was replaced before it could be copied makes another moment of the
/// database necessary; after four of them the last one keeps writers waiting.
///
/// Blocks on the disk.
///
/// # Errors
/// [`CopyError`]; what there is of the copy counts for nothing.
pub fn copy_live(data: &Path, destination: &Path) -> Result<ByteSize, CopyError> {
    copy_with(data, destination, &mut || ())
}

/// The same; `between` is called whenever the database is copied and the blobs are not yet.
fn copy_with(
    data: &Path,
    destination: &Path,
    between: &mut dyn FnMut(),
) -> Result<ByteSize, CopyError> {
    make(destination)?;
    if data.exists() {
        files(data, destination, Top::Yes)?;
    }
    let database = data.join(DATABASE_FILE);
    if database.exists() {
        let mut whole = false;
        for _ in 0..ROUNDS {
            one_moment(&database, &destination.join(DATABASE_FILE))?;
            between();
            whole = blobs(data, destination)?;
            if whole {
                break;
            }
        }
        if !whole {
            last_round(data, destination)?;
        }
    }
    size(destination).map(ByteSize::bytes)
}

/// As the other rounds, with nobody writing: a file that is missing now is missing in the data.
fn last_round(data: &Path, destination: &Path) -> Result<(), CopyError> {
    let database = data.join(DATABASE_FILE);
    let failed = |source| CopyError::Settle { path: database.clone(), source };
    let writers = open(&database)?;
    writers.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    one_moment(&database, &destination.join(DATABASE_FILE))?;
    blobs(data, destination)?;
    writers.execute_batch("ROLLBACK").map_err(failed)
}

/// Writes the database as it is at one moment into a new file, whatever is written meanwhile.
fn one_moment(database: &Path, copy: &Path) -> Result<(), CopyError> {
    match fs::remove_file(copy) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(file("remove", copy)(error));
        }
        Ok(()) | Err(_) => {}
    }
    let failed = |source| CopyError::Settle { path: database.to_owned(), source };
    let connection = open(database)?;
    let into = copy.to_string_lossy();
    connection.execute("VACUUM INTO ?1", [into.as_ref()]).map_err(failed)?;
    connection.close().map_err(|(_, source)| failed(source))
}

fn open(database: &Path) -> Result<Connection, CopyError> {
    let failed = |source| CopyError::Settle { path: database.to_owned(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags).map_err(failed)?;
    connection.busy_timeout(LOCK_WAIT).map_err(failed)?;
    Ok(connection)
}

/// Copies the blobs that the copied database names and that are not there from the round before;
/// whether all of them are there now.
fn blobs(data: &Path, destination: &Path) -> Result<bool, CopyError> {
    let copy = destination.join(DATABASE_FILE);
    let failed = |source| CopyError::Settle { path: copy.clone(), source };
    let connection = open(&copy)?;
    let named = blobs::files(&connection).map_err(failed)?;
    connection.close().map_err(|(_, source)| failed(source))?;
    let (from, to) = (data.join(blobs::FOLDER), destination.join(blobs::FOLDER));
    if !named.is_empty() {
        make(&to)?;
    }
    let mut whole = true;
    for (name, length) in named {
        let (source, target) = (from.join(&name), to.join(&name));
        // A file's name is never used twice, and what it once held it keeps.
        if fs::metadata(&target).is_ok_and(|there| there.len() >= length) {
            continue;
        }
        whole &= copy_file(&source, &target)? >= Some(length);
    }
    Ok(whole)
}

/// Copies everything but database and blobs. What is gone by the time it is its turn is left out.
fn files(from: &Path, to: &Path, top: Top) -> Result<(), CopyError> {
    for entry in fs::read_dir(from).map_err(file("read", from))? {
        let entry = entry.map_err(file("read", from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let name = entry.file_name().to_string_lossy().into_owned();
        if top == Top::Yes && (name.starts_with(DATABASE_FILE) || name == blobs::FOLDER) {
            continue;
        }
        let kind = entry.file_type().map_err(file("read", &source))?;
        if kind.is_dir() {
            make(&target)?;
            files(&source, &target, Top::No)?;
        } else if kind.is_file() {
            copy_file(&source, &target)?;
        }
    }
    Ok(())
}

/// Copies a file; its length, or none where it is gone.
fn copy_file(source: &Path, target: &Path) -> Result<Option<u64>, CopyError> {
    match fs::copy(source, target) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(file("copy", source)(error)),
    }
}

/// What the files in `folder` and below hold.
fn size(folder: &Path) -> Result<u64, CopyError> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder).map_err(file("read", folder))? {
        let entry = entry.map_err(file("read", folder))?;
        let path = entry.path();
        let about = entry.metadata().map_err(file("read", &path))?;
        bytes += if about.is_dir() { size(&path)? } else { about.len() };
    }
    Ok(bytes)
}

fn make(folder: &Path) -> Result<(), CopyError> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(file("make", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A data folder with a database that is written to.
    fn data_in(folder: &Path) -> (std::path::PathBuf, Connection) {
        let data = folder.join("data");
        fs::create_dir_all(data.join(blobs::FOLDER)).unwrap();
        let writer = Connection::open(data.join(DATABASE_FILE)).unwrap();
        writer.pragma_update(None, "journal_mode", "WAL").unwrap();
        writer
            .execute_batch(
                "CREATE TABLE t (x); INSERT INTO t VALUES ('kept');
                 CREATE TABLE newleaf_blobs
                     (name TEXT PRIMARY KEY, file TEXT NOT NULL, length INTEGER NOT NULL);
                 INSERT INTO newleaf_blobs VALUES ('', '', 0)",
            )
            .unwrap();
        (data, writer)
    }

    /// Makes the blob `name` hold `text`, in a file whose name ends with `file`, as an app's session
    /// does.
    fn put(data: &Path, writer: &Connection, name: &str, file: &str, text: &str) {
        let (folder, file) = (data.join(blobs::FOLDER), format!("{file:0>32}"));
        let find = "SELECT file FROM newleaf_blobs WHERE name = ?1";
        let before = writer.query_row(find, [name], |row| row.get::<_, String>(0)).ok();
        fs::write(folder.join(&file), text).unwrap();
        let values = (name, file, i64::try_from(text.len()).unwrap());
        writer.execute("REPLACE INTO newleaf_blobs VALUES (?1, ?2, ?3)", values).unwrap();
        if let Some(before) = before {
            fs::remove_file(folder.join(before)).unwrap();
        }
    }

    /// What the blobs of a copy hold, by their names; panics where one is missing.
    fn read(copy: &Path) -> Vec<(String, String)> {
        let reader = Connection::open(copy.join(DATABASE_FILE)).unwrap();
        let mut rows = reader
            .prepare("SELECT name, file FROM newleaf_blobs WHERE name <> '' ORDER BY name")
            .unwrap();
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?))).unwrap();
        rows.map(Result::unwrap)
            .map(|(name, file)| {
                let bytes = fs::read_to_string(copy.join(blobs::FOLDER).join(&file));
                (name, bytes.unwrap_or_else(|error| panic!("{file} is missing: {error}")))
            })
            .collect()
    }

    fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_live_copy_is_one_moment_of_a_database_that_is_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let (data, writer) = data_in(folder.path());
        let copy = folder.path().join("copy");
        put(&data, &writer, "one", "f1", "1");
        fs::create_dir_all(data.join("more/below")).unwrap();
        fs::write(data.join("more/below/app.db"), "no database of ours").unwrap();
        writer.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES ('under way')").unwrap();
        let copied = copy_live(&data, &copy).unwrap();
        writer.execute_batch("COMMIT").unwrap();
        assert!(copied.as_u64() > 1);
        assert_eq!(read(&copy), pairs(&[("one", "1")]));
        assert!(copy.join("more/below/app.db").exists());
        let reader = Connection::open(copy.join(DATABASE_FILE)).unwrap();
        let rows: i64 = reader.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 1, "what was not committed is in the copy");
        reader.execute_batch("DELETE FROM t").unwrap();
        let there: i64 = writer.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(there, 2, "the copy shares something with the data");
    }

    #[test]
    fn a_blob_that_is_replaced_before_it_is_copied_is_in_the_copy_as_it_is_then() {
        let folder = tempfile::tempdir().unwrap();
        let (data, writer) = data_in(folder.path());
        let copy = folder.path().join("copy");
        put(&data, &writer, "calm", "f1", "as ever");
        put(&data, &writer, "moving", "f2", "before");
        let mut moments = 0;
        copy_with(&data, &copy, &mut || {
            moments += 1;
            if moments == 1 {
                put(&data, &writer, "moving", "f3", "after");
                put(&data, &writer, "new", "f4", "too");
            }
        })
        .unwrap();
        assert_eq!(moments, 2, "another moment was needed, and no third");
        assert_eq!(read(&copy), pairs(&[("calm", "as ever"), ("moving", "after"), ("new", "too")]));
    }

    #[test]
    fn blobs_that_are_replaced_all_the_time_are_copied_while_writers_wait() {
        let folder = tempfile::tempdir().unwrap();
        let (data, writer) = data_in(folder.path());
        let copy = folder.path().join("copy");
        put(&data, &writer, "moving", "f0", "0");
        let mut moments = 0;
        copy_with(&data, &copy, &mut || {
            moments += 1;
            put(&data, &writer, "moving", &format!("f{moments}"), &moments.to_string());
        })
        .unwrap();
        assert_eq!(moments, ROUNDS, "writers were kept waiting too early");
        assert_eq!(read(&copy), pairs(&[("moving", &ROUNDS.to_string())]));
        put(&data, &writer, "moving", "e", "writers go on");
    }

    #[test]
    fn an_app_without_data_has_an_empty_copy() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy");
        let copied = copy_live(&folder.path().join("nothing"), &copy).unwrap();
        assert!(copied == ByteSize::bytes(0) && copy.is_dir());
    }
}
