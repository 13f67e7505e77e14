//! The keys' folder: one file a private key (mode 0600, folder 0700), and `ceremony.json`, which is
//! public and says which keys sign which role. Never overwrites a file.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use newleaf_trust::role::Threshold;
use newleaf_trust::{Authority, KeyPair, PublicKey};
use serde::{Deserialize, Serialize};

use crate::error::KeysError;

const CEREMONY: &str = "ceremony.json";

/// The public record of a ceremony: which keys sign each offline role, and how many must.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceremony {
    /// The offline roles by name.
    pub roles: BTreeMap<String, CeremonyRole>,
}

/// One offline role's keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CeremonyRole {
    /// The keys, in the order of their files `<role>-<number>.key`.
    pub keys: Vec<PublicKey>,
    /// How many must sign.
    pub threshold: Threshold,
}

impl CeremonyRole {
    /// The keys and threshold that the role's files are judged by.
    pub fn authority(&self) -> Authority {
        Authority::new(self.keys.iter().copied(), self.threshold)
    }
}

/// An opened keys' folder.
#[derive(Debug, Clone)]
pub struct KeyFolder {
    path: PathBuf,
    ceremony: Ceremony,
}

impl KeyFolder {
    /// Opens the folder that [`crate::create`] made, or a holder's part of it: `ceremony.json` and
    /// some of the key files.
    ///
    /// # Errors
    /// `ceremony.json` cannot be read or has another form.
    pub fn open(path: &Path) -> Result<Self, KeysError> {
        let file = path.join(CEREMONY);
        let text = read_text(&file)?;
        let ceremony = serde_json::from_str(&text)
            .map_err(|source| KeysError::Ceremony { path: file, source })?;
        Ok(Self { path: path.to_owned(), ceremony })
    }

    /// Makes the folder and writes every key into it, `ceremony.json` last.
    pub(crate) fn write(
        path: &Path,
        keys: &BTreeMap<String, (Vec<KeyPair>, Threshold)>,
    ) -> Result<Self, KeysError> {
        refuse_occupied(path)?;
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io("create", path))?;
        let mut ceremony = Ceremony::default();
        for (role, (pairs, threshold)) in keys {
            for (position, pair) in pairs.iter().enumerate() {
                let file = key_file(path, role, position);
                let text = pair
                    .to_file_form()
                    .map_err(|source| KeysError::Key { path: file.clone(), source })?;
                write_new(&file, text.as_bytes(), 0o600)?;
            }
            let keys = pairs.iter().map(KeyPair::public).collect();
            ceremony.roles.insert(role.clone(), CeremonyRole { keys, threshold: *threshold });
        }
        let file = path.join(CEREMONY);
        let text = serde_json::to_string_pretty(&ceremony)
            .map_err(|source| KeysError::Ceremony { path: file.clone(), source })?;
        write_new(&file, text.as_bytes(), 0o644)?;
        File::open(path).and_then(|folder| folder.sync_all()).map_err(io("write", path))?;
        Ok(Self { path: path.to_owned(), ceremony })
    }

    /// The public record.
    pub const fn ceremony(&self) -> &Ceremony {
        &self.ceremony
    }

    /// The keys and threshold of an offline role.
    ///
    /// # Errors
    /// The ceremony knows no such role.
    pub fn role(&self, role: &str) -> Result<&CeremonyRole, KeysError> {
        self.ceremony.roles.get(role).ok_or_else(|| KeysError::UnknownRole {
            path: self.path.clone(),
            role: role.to_owned(),
        })
    }

    /// The private keys of a role that lie in the folder: all of them, or a holder's part.
    ///
    /// # Errors
    /// There is none, or one cannot be used.
    pub fn pairs(&self, role: &str) -> Result<Vec<KeyPair>, KeysError> {
        let mut pairs = Vec::new();
        for (position, public) in self.role(role)?.keys.iter().enumerate() {
            let path = key_file(&self.path, role, position);
            if !path.try_exists().map_err(io("read", &path))? {
                continue;
            }
            let pair = read_pair(&path)?;
            if pair.public() != *public {
                let source = newleaf_trust::key::KeyError::Mismatch;
                return Err(KeysError::Key { path, source });
            }
            pairs.push(pair);
        }
        if pairs.is_empty() {
            return Err(KeysError::NoKey { path: self.path.clone(), role: role.to_owned() });
        }
        Ok(pairs)
    }
}

/// Reads a file that holds one key pair.
///
/// # Errors
/// It cannot be read, or is not the file form of a key pair.
pub fn read_pair(path: &Path) -> Result<KeyPair, KeysError> {
    let text = zeroize::Zeroizing::new(read_text(path)?);
    KeyPair::from_file_form(&text)
        .map_err(|source| KeysError::Key { path: path.to_owned(), source })
}

fn key_file(folder: &Path, role: &str, position: usize) -> PathBuf {
    folder.join(format!("{role}-{}.key", position + 1))
}

fn refuse_occupied(path: &Path) -> Result<(), KeysError> {
    match path.read_dir() {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(KeysError::AlreadyThere { path: path.to_owned() }),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(KeysError::Io { action: "read", path: path.to_owned(), source }),
    }
}

fn read_text(path: &Path) -> Result<String, KeysError> {
    std::fs::read_to_string(path).map_err(io("read", path))
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), KeysError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(io("create", path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io("write", path))
}

/// Names the action and the path of an I/O error.
pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> KeysError {
    let path = path.to_owned();
    move |source| KeysError::Io { action, path, source }
}
