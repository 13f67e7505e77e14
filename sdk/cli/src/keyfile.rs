//! The author's key on disk: made once, readable by its owner alone.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use newleaf_trust::key::{KeyError, KeyPair};

/// Why a key could not be written or read. Completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyFileError {
    /// Neither `XDG_CONFIG_HOME` nor `HOME` is set.
    #[error("there is no configuration folder: neither XDG_CONFIG_HOME nor HOME is set")]
    NoFolder,
    /// The file is there already; a key is never overwritten.
    #[error("{} exists already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Others may read it.
    #[error("{} can be read by others (mode {mode:o})", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The random source failed.
    #[error("the system gave no random bytes: {0}")]
    Random(getrandom::Error),
    /// The key itself.
    #[error("{} holds no usable key", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: KeyError,
    },
    /// The file system.
    #[error("{} could not be {doing}", path.display())]
    Io {
        /// `read`, `written`, …
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
}

impl KeyFileError {
    /// What a person can do about it.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::NoFolder => "name the file with --out or --key".to_owned(),
            Self::Exists { .. } => {
                "name another file with --out; losing a key loses the namespace".to_owned()
            }
            Self::Open { path, .. } => format!("chmod 600 {}", path.display()),
            Self::Random(_) => "try again".to_owned(),
            Self::Key { .. } => "restore the key from your backup".to_owned(),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "make a key with `newleaf-sdk keygen`, or name yours with --key".to_owned()
            }
            Self::Io { .. } => "check the path and its permissions".to_owned(),
        }
    }

    fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }
}

/// Where the key lies unless another file is named.
pub(crate) fn default_path() -> Result<PathBuf, KeyFileError> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")));
    Ok(config.ok_or(KeyFileError::NoFolder)?.join("newleaf/author.key"))
}

/// Makes a new key at `path`, mode 0600, durable before this returns.
pub(crate) fn create(path: &Path) -> Result<KeyPair, KeyFileError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(KeyFileError::Random)?;
    let pair = KeyPair::generate(seed);
    let text = pair
        .to_file_form()
        .map_err(|source| KeyFileError::Key { path: path.to_owned(), source })?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(KeyFileError::io("created", folder))?;
    }
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = opened.map_err(|source| {
        if source.kind() == io::ErrorKind::AlreadyExists {
            KeyFileError::Exists { path: path.to_owned() }
        } else {
            KeyFileError::io("created", path)(source)
        }
    })?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(KeyFileError::io("written", path))?;
    Ok(pair)
}

/// Reads the key at `path`, which nobody but its owner may read.
pub(crate) fn read(path: &Path) -> Result<KeyPair, KeyFileError> {
    let metadata = fs::metadata(path).map_err(KeyFileError::io("read", path))?;
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Open { path: path.to_owned(), mode });
    }
    let text = fs::read_to_string(path).map_err(KeyFileError::io("read", path))?;
    KeyPair::from_file_form(&text)
        .map_err(|source| KeyFileError::Key { path: path.to_owned(), source })
}
