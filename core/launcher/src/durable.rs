//! Replaces small files so that a crash leaves the old content or the new, never a part.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use newleaf_domain::shell;

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

impl DiskError {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        use io::ErrorKind;
        let (path, kind) = (shell::word(&self.path), self.source.kind());
        if kind == ErrorKind::PermissionDenied {
            let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
            let (user, group) = (user.as_raw(), group.as_raw());
            format!("give it to the user that runs the host: sudo chown -R {user}:{group} {path}")
        } else if kind == ErrorKind::ReadOnlyFilesystem {
            format!(
                "{path} lies on a filesystem that is mounted read-only, as after a fault of the \
                 disk: look at dmesg, then mount it writable"
            )
        } else if matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
            format!("make room on the disk that holds {path}")
        } else if kind == ErrorKind::InvalidInput && self.action == "listen on" {
            format!(
                "{path} is too long for a socket (unix(7)): move the host's folder to a shorter \
                 place, such as /srv/newleaf"
            )
        } else if kind == ErrorKind::IsADirectory {
            let aside = shell::word(format!("{}.old", self.path.display()));
            format!("a folder stands in the place of the file: mv {path} {aside}")
        } else if kind == ErrorKind::NotFound {
            format!("check that the folder of {path} exists")
        } else if is_fault(&self.source) {
            "the disk may be failing: look at dmesg, and have a backup at hand".to_owned()
        } else {
            "check that the folder is writable and the disk is not full".to_owned()
        }
    }
}

/// Between two reads of what the disk failed to give.
const AGAIN: std::time::Duration = std::time::Duration::from_millis(50);

/// Reads up to three times where the disk fails: a fault of a moment is not taken for a lasting one.
pub(crate) fn steadily<T>(mut read: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..2 {
        match read() {
            Err(error) if is_fault(&error) => std::thread::sleep(AGAIN),
            read => return read,
        }
    }
    read()
}

/// Whether the disk failed to give what it holds.
pub(crate) fn is_fault(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

/// Whether the process or the machine lacked something at that moment, such as descriptors or
/// memory: that says nothing of the file.
pub(crate) fn is_want(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let wants = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOSPC, Errno::INTR, Errno::AGAIN];
    error.raw_os_error().is_some_and(|code| wants.iter().any(|want| want.raw_os_error() == code))
}

/// Moves what cannot be read out of the way, and keeps it.
pub(crate) fn put_aside(path: &Path, number: u64) -> Result<PathBuf, DiskError> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".damaged-{number}"));
    let aside = PathBuf::from(name);
    fs::rename(path, &aside).map_err(DiskError::on("put aside", path))?;
    sync_parent(path)?;
    Ok(aside)
}

/// An error with everything it comes from, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(error.source(), |error| error.source())
        .fold(error.to_string(), |text, source| format!("{text}: {source}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn failing(with: i32) -> impl FnMut() -> io::Result<u8> {
        let mut tries = 0;
        move || {
            tries += 1;
            if tries < 3 { Err(io::Error::from_raw_os_error(with)) } else { Ok(tries) }
        }
    }

    #[test]
    fn a_fault_of_a_moment_is_read_over_and_a_full_disk_is_told_at_once() {
        assert_eq!(steadily(failing(5)).unwrap(), 3);
        assert_eq!(steadily(failing(28)).unwrap_err().raw_os_error(), Some(28));
    }

    #[test]
    fn each_kind_of_refusal_has_its_own_way_out() {
        let at = |path: &str, code| {
            let source = io::Error::from_raw_os_error(code);
            DiskError::on("open", Path::new(path))(source).hint()
        };
        let hint = |code| at("/srv/newleaf/state", code);
        assert!(at("/srv/new leaf/state", 13).ends_with(" '/srv/new leaf/state'"));
        let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
        let chown =
            format!("sudo chown -R {}:{} /srv/newleaf/state", user.as_raw(), group.as_raw());
        assert!(hint(13).ends_with(&chown), "{}", hint(13));
        assert!(hint(30).contains("read-only"), "{}", hint(30));
        assert!(hint(28).contains("make room"), "{}", hint(28));
        assert!(hint(5).contains("failing"), "{}", hint(5));
    }
}
