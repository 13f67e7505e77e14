//! Files that must survive a power cut: written beside, synced, renamed, and the folder synced.
//! Every call blocks; callers run them through [`blocking`].

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use newleaf_domain::digest::DigestWriter;
use newleaf_domain::{ByteSize, Digest};

/// What was tried, on which path, and the system's answer.
#[derive(Debug)]
pub(super) struct FileError {
    pub(super) doing: &'static str,
    pub(super) path: PathBuf,
    pub(super) source: io::Error,
}

impl FileError {
    pub(super) fn on(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { doing, path, source }
    }
}

/// Runs blocking work off the reactor. A panic in it goes on in the caller.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends and drops every caller with it.
            Err(_) => std::future::pending().await,
        },
    }
}

/// Replaces `path` by `bytes`, durably.
pub(super) fn put(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let fresh = beside(path, "tmp");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)
        .map_err(FileError::on("created", &fresh))?;
    file.write_all(bytes).map_err(FileError::on("written", &fresh))?;
    file.sync_all().map_err(FileError::on("synced", &fresh))?;
    rename(&fresh, path)
}

/// Renames and makes both folders' entries durable.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    fs::rename(from, to).map_err(FileError::on("renamed", to))?;
    sync_parent(to)?;
    if from.parent() == to.parent() { Ok(()) } else { sync_parent(from) }
}

/// Makes the entries of `path`'s folder durable.
pub(super) fn sync_parent(path: &Path) -> Result<(), FileError> {
    let parent = path.parent().unwrap_or(Path::new("."));
    File::open(parent).and_then(|folder| folder.sync_all()).map_err(FileError::on("synced", parent))
}

/// Makes a folder and those above it, closed to others; each new entry is durable.
pub(super) fn make_folder(path: &Path) -> Result<(), FileError> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_folder(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => sync_parent(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(FileError::on("created", path)(error)),
    }
}

/// The file's bytes; nothing where there is none.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::on("read", path)(error)),
    }
}

/// Names in a folder, sorted; none where there is no such folder.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, FileError> {
    let failed = |error| FileError::on("listed", folder)(error);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(failed)?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

/// Removes a file, or a folder with all in it; one that is not there is no error.
pub(super) fn remove(path: &Path) -> Result<(), FileError> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FileError::on("removed", path)(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Length and digest of a file, read from disk.
pub(super) fn measure(path: &Path) -> Result<Option<(ByteSize, Digest)>, FileError> {
    match File::open(path) {
        Ok(file) => {
            let digest = hash_all(file, path)?;
            Ok(Some((ByteSize::bytes(digest.length()), digest.finish())))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::on("opened", path)(error)),
    }
}

/// The hash of what a file holds by now, to be gone on with.
pub(super) fn hash(path: &Path) -> Result<DigestWriter, FileError> {
    hash_all(File::open(path).map_err(FileError::on("opened", path))?, path)
}

fn hash_all(mut file: File, path: &Path) -> Result<DigestWriter, FileError> {
    let mut digest = DigestWriter::default();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer).map_err(FileError::on("read", path))? {
            0 => return Ok(digest),
            count => digest.update(&buffer[..count]),
        }
    }
}

/// Bytes of all files below a folder; 0 where there is none.
pub(super) fn size_of(folder: &Path) -> Result<u64, FileError> {
    let mut bytes = 0;
    for name in names(folder)? {
        let path = folder.join(name);
        let found = fs::symlink_metadata(&path).map_err(FileError::on("measured", &path))?;
        bytes += if found.is_dir() { size_of(&path)? } else { found.len() };
    }
    Ok(bytes)
}

/// `<name>.<word>` in the same folder.
pub(super) fn beside(path: &Path, word: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(word);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_put_is_read_back_and_leaves_nothing_beside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("root.json");
        put(&path, b"1").unwrap();
        put(&path, b"22").unwrap();
        assert_eq!(read(&path).unwrap().unwrap(), b"22");
        assert_eq!(names(dir.path()).unwrap(), ["root.json"]);
        assert_eq!(measure(&path).unwrap(), Some((ByteSize::bytes(2), Digest::of(b"22"))));
    }

    #[test]
    fn what_is_not_there_is_no_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        assert_eq!((read(&path).unwrap(), measure(&path).unwrap()), (None, None));
        assert_eq!((names(&path).unwrap().len(), size_of(&path).unwrap()), (0, 0));
        remove(&path).unwrap();
    }
}
