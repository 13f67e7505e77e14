//! The author's key on disk: made once, readable by its owner alone, its public half beside it.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use newleaf_trust::key::{KeyError, KeyPair, PublicKey};

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
    /// It is the other half.
    #[error("{} holds the public half of a key, which signs nothing", path.display())]
    Public {
        /// The file.
        path: PathBuf,
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
            Self::Public { .. } => {
                "name the file that `newleaf-sdk keygen` wrote beside it, the private one"
                    .to_owned()
            }
            Self::Random(_) => "try again".to_owned(),
            Self::Key { .. } => "restore the key from your backup".to_owned(),
            Self::Io { doing: "read", source, .. } if source.kind() == io::ErrorKind::NotFound => {
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

/// A key that was just made.
#[derive(Debug)]
pub(crate) struct NewKey {
    pub(crate) public: PublicKey,
    /// Where its public half lies.
    pub(crate) public_file: PathBuf,
}

/// Makes a new key at `path`, mode 0600, and writes its public half, a TUF key object (TUF §4.2.1),
/// beside it as `<stem>.pub.json`, mode 0644. Both are durable before this returns; neither ever
/// replaces a file.
pub(crate) fn create(path: &Path) -> Result<NewKey, KeyFileError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(KeyFileError::Random)?;
    let pair = KeyPair::generate(seed);
    let public = pair.public();
    let unusable = |source| KeyFileError::Key { path: path.to_owned(), source };
    let private_text = pair.to_file_form().map_err(unusable)?;
    let public_text = serde_json::to_string_pretty(&public).map_err(KeyError::Form);
    let public_text = public_text.map_err(unusable)? + "\n";
    let public_file = path.with_extension("pub.json");
    let folder = folder_of(path)?;
    // Both are there before one is written to: where the second is refused, the first is empty.
    let private = open_new(path, PRIVATE)?;
    let public_half =
        open_new(&public_file, PUBLIC).inspect_err(|_| drop(fs::remove_file(path)))?;
    fill(path, private, &private_text)?;
    fill(&public_file, public_half, &public_text)?;
    let synced = File::open(&folder).and_then(|folder| folder.sync_all());
    synced.map_err(KeyFileError::io("written", &folder))?;
    Ok(NewKey { public, public_file })
}

/// Who may read a half: its owner, or everybody.
const PRIVATE: u32 = 0o600;
const PUBLIC: u32 = 0o644;

/// The folder that `path` lies in, made where it is missing.
fn folder_of(path: &Path) -> Result<PathBuf, KeyFileError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    let created = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    created.map_err(KeyFileError::io("created", folder))?;
    Ok(folder.to_owned())
}

/// A new, empty file of exactly this mode, whatever the umask says.
fn open_new(path: &Path, mode: u32) -> Result<File, KeyFileError> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(path);
    let file = opened.map_err(|source| {
        if source.kind() == io::ErrorKind::AlreadyExists {
            KeyFileError::Exists { path: path.to_owned() }
        } else {
            KeyFileError::io("created", path)(source)
        }
    })?;
    let set = file.set_permissions(Permissions::from_mode(mode));
    set.map_err(KeyFileError::io("created", path))?;
    Ok(file)
}

fn fill(path: &Path, mut file: File, text: &str) -> Result<(), KeyFileError> {
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(KeyFileError::io("written", path))
}

/// Reads the key at `path`, which nobody but its owner may read.
pub(crate) fn read(path: &Path) -> Result<KeyPair, KeyFileError> {
    let metadata = fs::metadata(path).map_err(KeyFileError::io("read", path))?;
    let text = fs::read_to_string(path).map_err(KeyFileError::io("read", path))?;
    if serde_json::from_str::<PublicKey>(&text).is_ok() {
        return Err(KeyFileError::Public { path: path.to_owned() });
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Open { path: path.to_owned(), mode });
    }
    KeyPair::from_file_form(&text)
        .map_err(|source| KeyFileError::Key { path: path.to_owned(), source })
}
