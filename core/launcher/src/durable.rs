//! Replaces small files so that a crash leaves the old content or the new, never a part.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// An I/O failure with what was being done and to which path.
#[derive(Debug, thiserror::Error)]
#[error("{action} {}", path.display())]
pub struct DiskError {
    /// What was being done, such as `write`.
    pub action: &'static str,
    /// To which file or folder.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

impl DiskError {
    /// For `map_err`: names the action and the path.
    pub(crate) fn on(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { action, path, source }
    }
}

/// What becomes of the file that is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// It takes the place of the one kept before it.
    IsKept,
    /// It is worth nothing; the one kept before it stays.
    IsDropped,
}

/// Replaces `path` by `bytes`; what was there may be kept as `previous`. There is no moment
/// without a complete `path`. Where this fails, what was there is there again: nobody goes on as if
/// it were, only to be contradicted by the disk at the next start.
pub(crate) fn replace(
    path: &Path,
    previous: &Path,
    bytes: &[u8],
    before: Before,
) -> Result<(), DiskError> {
    let fresh = path.with_extension("tmp");
    write_synced(&fresh, bytes)?;
    if before == Before::IsKept && path.exists() {
        let link = previous.with_extension("prev-tmp");
        remove_if_there(&link)?;
        fs::hard_link(path, &link).map_err(DiskError::on("link", &link))?;
        fs::rename(&link, previous).map_err(DiskError::on("replace", previous))?;
    }
    fs::rename(&fresh, path).map_err(DiskError::on("replace", path))?;
    sync_parent(path).inspect_err(|_| {
        if before == Before::IsKept {
            // By names alone, which needs no room; a disk that refuses this too is told of by the
            // error there is.
            drop(put_back(path, previous));
        }
    })
}

/// Gives `path` the content that is kept as `previous`.
fn put_back(path: &Path, previous: &Path) -> Result<(), DiskError> {
    let link = path.with_extension("back-tmp");
    remove_if_there(&link)?;
    fs::hard_link(previous, &link).map_err(DiskError::on("link", &link))?;
    fs::rename(&link, path).map_err(DiskError::on("put back", path))?;
    sync_parent(path)
}

/// Removes a file that a crash may have left.
pub(crate) fn remove_if_there(path: &Path) -> Result<(), DiskError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(DiskError::on("remove", path)(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Makes the entries of `path`'s folder durable.
pub(crate) fn sync_parent(path: &Path) -> Result<(), DiskError> {
    let parent = path.parent().unwrap_or(Path::new("."));
    File::open(parent).and_then(|dir| dir.sync_all()).map_err(DiskError::on("sync", parent))
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(DiskError::on("create", path))?;
    file.write_all(bytes).map_err(DiskError::on("write", path))?;
    file.sync_all().map_err(DiskError::on("sync", path))
}
