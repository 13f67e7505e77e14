//! Writes files so that a power cut leaves either the old one or the new one, never a part.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Everybody: 0644.
    All,
    /// The owner: 0600.
    Owner,
}

/// Why a file was not written. Completes "failed to …".
#[derive(Debug, thiserror::Error)]
#[error("{} could not be {doing}", path.display())]
pub struct WriteError {
    doing: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> WriteError {
    let path = path.to_owned();
    move |source| WriteError { doing, path, source }
}

/// Puts `bytes` at `path`, in place of what was there, and returns once they are on the disk.
pub(crate) fn write(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), WriteError> {
    let folder = folder_of(path);
    create_folders(folder)?;
    let temporary = temporary_beside(path);
    let mut file = create(&temporary, readers).map_err(failed("made", &temporary))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed("written", &temporary))?;
    drop(file);
    fs::rename(&temporary, path).map_err(failed("put in its place", path))?;
    sync_folder(folder)
}

/// Gives the file at `from` the second name `path`; copies it where the file system has no second
/// names. Does nothing where `path` exists: its name says what it holds.
pub(crate) fn publish(from: &Path, path: &Path) -> Result<(), WriteError> {
    let folder = folder_of(path);
    create_folders(folder)?;
    match fs::hard_link(from, path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(_) => copy(from, path)?,
    }
    sync_folder(folder)
}

fn copy(from: &Path, path: &Path) -> Result<(), WriteError> {
    let temporary = temporary_beside(path);
    let copied = fs::copy(from, &temporary).and_then(|_| File::open(&temporary)?.sync_all());
    copied.map_err(failed("copied", path))?;
    fs::rename(&temporary, path).map_err(failed("put in its place", path))
}

/// One name for each file, so that what a crash left behind is written over.
fn temporary_beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    folder_of(path).join(format!(".{name}.partial"))
}

fn create(path: &Path, readers: Readers) -> io::Result<File> {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    let mode = match readers {
        Readers::All => 0o644,
        Readers::Owner => 0o600,
    };
    let file = File::options().write(true).create(true).truncate(true).mode(mode).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    Ok(file)
}

fn folder_of(path: &Path) -> &Path {
    // The folder of a bare file name is the one we stand in.
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes `folder` and those above it, each entry on the disk before this returns.
fn create_folders(folder: &Path) -> Result<(), WriteError> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        create_folders(parent)?;
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed("made", folder)(error));
            }
            _ => sync_folder(parent)?,
        }
    }
    Ok(())
}

fn sync_folder(folder: &Path) -> Result<(), WriteError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("synced", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_stays_beside_it() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("a/b/timestamp.json");
        write(&path, b"one", Readers::All).unwrap();
        write(&path, b"two", Readers::Owner).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn publishing_a_file_twice_is_publishing_it_once() {
        let temp = tempfile::tempdir().unwrap();
        let from = temp.path().join("object");
        fs::write(&from, b"bytes").unwrap();
        let path = temp.path().join("targets/x");
        publish(&from, &path).unwrap();
        publish(&from, &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"bytes");
    }
}
