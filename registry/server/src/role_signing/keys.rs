//! The four online keys: made once, kept in the registry's folder, readable by its owner only.

use std::path::{Path, PathBuf};
use std::{fs, io};

use newleaf_trust::key::{KeyError, KeyPair, PublicKey};

use crate::dir::{Dir, ONLINE_KEYS};
use crate::durable::{self, Readers, WriteError};

/// The keys that the registry itself signs with.
#[derive(Debug, Clone)]
pub struct OnlineKeys {
    /// A: the timestamp.
    pub timestamp: KeyPair,
    /// B: the snapshot.
    pub snapshot: KeyPair,
    /// C: advisories and catalogue.
    pub content: KeyPair,
    /// D: authors that nobody has vouched for yet.
    pub fresh: KeyPair,
}

/// Why the online keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OnlineKeysError {
    /// The system gives no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
    /// A key file cannot be read.
    #[error("key file {} could not be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// A key file does not hold a key.
    #[error("{} is not a key file", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: KeyError,
    },
    /// A key cannot be stored.
    #[error("an online key could not be stored")]
    Write(#[from] WriteError),
}

impl OnlineKeys {
    /// Makes four new keys and stores them in `dir`, mode 0600.
    ///
    /// # Errors
    /// No random bytes, or the files cannot be written.
    pub fn create(dir: &Dir) -> Result<Self, OnlineKeysError> {
        let [timestamp, snapshot, content, fresh] = ONLINE_KEYS.map(|name| {
            let path = dir.online_keys().join(name);
            let mut seed = [0; 32];
            getrandom::fill(&mut seed).map_err(OnlineKeysError::Random)?;
            let pair = KeyPair::generate(seed);
            let form = pair.to_file_form();
            let form =
                form.map_err(|source| OnlineKeysError::Key { path: path.clone(), source })?;
            durable::write(&path, form.as_bytes(), Readers::Owner)?;
            Ok::<_, OnlineKeysError>(pair)
        });
        Ok(Self { timestamp: timestamp?, snapshot: snapshot?, content: content?, fresh: fresh? })
    }

    /// The keys stored in `dir`.
    ///
    /// # Errors
    /// A file is missing or holds no key.
    pub fn load(dir: &Dir) -> Result<Self, OnlineKeysError> {
        let [timestamp, snapshot, content, fresh] =
            ONLINE_KEYS.map(|name| read(&dir.online_keys().join(name)));
        Ok(Self { timestamp: timestamp?, snapshot: snapshot?, content: content?, fresh: fresh? })
    }

    /// The key that signs the delegated role called `role`, where an online key does.
    pub(crate) fn of_delegation(&self, role: &str) -> Option<PublicKey> {
        use newleaf_trust::layout::{ADVISORIES, CATALOGUE, FRESH};
        match role {
            ADVISORIES | CATALOGUE => Some(self.content.public()),
            FRESH => Some(self.fresh.public()),
            _ => None,
        }
    }
}

fn read(path: &Path) -> Result<KeyPair, OnlineKeysError> {
    let text = fs::read_to_string(path)
        .map_err(|source| OnlineKeysError::Read { path: path.to_owned(), source })?;
    KeyPair::from_file_form(&text)
        .map_err(|source| OnlineKeysError::Key { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn keys_are_stored_for_their_owner_only_and_read_back() {
        let temp = tempfile::tempdir().unwrap();
        let dir = Dir::new(temp.path());
        let made = OnlineKeys::create(&dir).unwrap();
        assert_eq!(OnlineKeys::load(&dir).unwrap().fresh.public(), made.fresh.public());
        for name in ONLINE_KEYS {
            let about = fs::metadata(dir.online_keys().join(name)).unwrap();
            assert_eq!(about.permissions().mode() & 0o777, 0o600, "{name}");
        }
    }
}
