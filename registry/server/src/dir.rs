//! The registry's folder: where everything lies, and who may write to it.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// A registry's folder.
#[derive(Debug, Clone)]
pub struct Dir {
    root: PathBuf,
}

/// The one process that may sign and write: holds the folder's lock until dropped.
#[derive(Debug)]
pub struct DirLock {
    _file: File,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DirError {
    /// Something in it cannot be read or made.
    #[error("{} could not be used", path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// Another process holds the lock.
    #[error("{} is in use by another newleaf-registry process", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// There is no registry in it.
    #[error("{} holds no registry", path.display())]
    NotInitialised {
        /// The folder.
        path: PathBuf,
    },
    /// There is one in it already.
    #[error("{} holds a registry already", path.display())]
    AlreadyInitialised {
        /// The folder.
        path: PathBuf,
    },
    /// The ceremony would write its keys into the registry's folder.
    #[error("key folder {} lies inside the registry's folder {}", keys.display(), dir.display())]
    KeysInside {
        /// The folder for keys.
        keys: PathBuf,
        /// The registry's folder.
        dir: PathBuf,
    },
}

impl DirError {
    /// What a person can do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Io { .. } => "check that the folder exists and that this user may write to it",
            Self::InUse { .. } => "stop the other process first",
            Self::NotInitialised { .. } => "make one with `newleaf-registry init --dir D --keys K`",
            Self::AlreadyInitialised { .. } => "choose an empty folder",
            Self::KeysInside { .. } => "choose a folder for keys outside the registry's folder",
        }
    }
}

/// The online keys' file names in their folder.
pub(crate) const ONLINE_KEYS: [&str; 4] =
    ["timestamp.json", "snapshot.json", "content.json", "fresh.json"];

impl Dir {
    /// The folder `root`, which need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `registry.db`.
    pub fn database(&self) -> PathBuf {
        self.root.join("registry.db")
    }

    /// `registry.toml`.
    pub fn settings(&self) -> PathBuf {
        self.root.join("registry.toml")
    }

    /// `objects/`: uploads that no role lists yet.
    pub fn objects(&self) -> PathBuf {
        self.root.join("objects")
    }

    /// `public/`: the repository, as any static server may serve it.
    pub fn public(&self) -> PathBuf {
        self.root.join("public")
    }

    /// `public/tuf/`: its role files.
    pub fn tuf(&self) -> PathBuf {
        self.public().join("tuf")
    }

    /// `public/targets/`: its targets.
    pub fn targets(&self) -> PathBuf {
        self.public().join("targets")
    }

    /// `public/deltas/`: what its packages have over those before them.
    pub fn deltas(&self) -> PathBuf {
        self.public().join("deltas")
    }

    /// `keys-online/`: the four keys that the registry signs with.
    pub fn online_keys(&self) -> PathBuf {
        self.root.join("keys-online")
    }

    /// `root.json`: what is handed to hosts.
    pub fn root_file(&self) -> PathBuf {
        self.root.join("root.json")
    }

    /// Makes the folders of a registry to be.
    ///
    /// # Errors
    /// There is one already, or a folder cannot be made.
    pub fn create(&self) -> Result<(), DirError> {
        if self.database().exists() {
            return Err(DirError::AlreadyInitialised { path: self.root.clone() });
        }
        for path in [self.objects(), self.tuf(), self.targets()] {
            fs::create_dir_all(&path).map_err(io_error(&path))?;
        }
        let keys = self.online_keys();
        DirBuilder::new().recursive(true).mode(0o700).create(&keys).map_err(io_error(&keys))
    }

    /// Refuses a folder without a registry.
    ///
    /// # Errors
    /// [`DirError::NotInitialised`].
    pub fn require(&self) -> Result<(), DirError> {
        if self.database().is_file() && self.root_file().is_file() {
            Ok(())
        } else {
            Err(DirError::NotInitialised { path: self.root.clone() })
        }
    }

    /// Takes the folder's lock, which ends with the process at the latest.
    ///
    /// # Errors
    /// [`DirError::InUse`] where another process has it.
    pub fn lock(&self) -> Result<DirLock, DirError> {
        let path = self.root.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(io_error(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(DirLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(DirError::InUse { path: self.root.clone() }),
            Err(TryLockError::Error(source)) => Err(DirError::Io { path, source }),
        }
    }

    /// Refuses a key folder that is this folder or lies in it.
    ///
    /// # Errors
    /// [`DirError::KeysInside`].
    pub fn require_outside(&self, keys: &Path) -> Result<(), DirError> {
        if resolve(keys)?.starts_with(resolve(&self.root)?) {
            return Err(DirError::KeysInside { keys: keys.to_owned(), dir: self.root.clone() });
        }
        Ok(())
    }
}

/// `path` with every link resolved, also where its last parts do not exist yet.
fn resolve(path: &Path) -> Result<PathBuf, DirError> {
    let absolute = std::path::absolute(path).map_err(io_error(path))?;
    for ancestor in absolute.ancestors() {
        if let Ok(real) = ancestor.canonicalize() {
            let rest = absolute.strip_prefix(ancestor).unwrap_or(Path::new(""));
            return Ok(if rest.as_os_str().is_empty() { real } else { real.join(rest) });
        }
    }
    Ok(absolute)
}

pub(crate) fn io_error(path: &Path) -> impl FnOnce(io::Error) -> DirError {
    let path = path.to_owned();
    move |source| DirError::Io { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Dir) {
        let temp = tempfile::tempdir().unwrap();
        let dir = Dir::new(temp.path().join("registry"));
        dir.create().unwrap();
        (temp, dir)
    }

    #[test]
    fn keys_inside_the_folder_are_refused_by_any_name() {
        let (temp, dir) = folder();
        let link = temp.path().join("link");
        std::os::unix::fs::symlink(dir.root(), &link).unwrap();
        for inside in [dir.root().join("keys"), link.join("keys"), dir.root().join("a/../keys")] {
            assert!(dir.require_outside(&inside).is_err(), "{} was accepted", inside.display());
        }
        dir.require_outside(&temp.path().join("registry-keys")).unwrap();
    }

    #[test]
    fn two_processes_do_not_share_a_folder() {
        let (_temp, dir) = folder();
        let first = dir.lock().unwrap();
        assert!(matches!(dir.lock(), Err(DirError::InUse { .. })));
        drop(first);
        dir.lock().unwrap();
    }
}
