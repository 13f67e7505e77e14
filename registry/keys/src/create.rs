//! The first act: all offline keys, made on the admins' machine. Makes no role file.

use std::collections::BTreeMap;
use std::path::Path;

use newleaf_trust::KeyPair;
use newleaf_trust::layout::{CLAIMED, CORE};
use newleaf_trust::role::Threshold;

use crate::error::KeysError;
use crate::folder::KeyFolder;

/// The names of the two offline top roles.
pub(crate) const ROOT: &str = "root";
pub(crate) const TARGETS: &str = "targets";

/// How many keys a role has, and how many of them must sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quorum {
    /// Keys to make; at most 16 are accepted by hosts.
    pub keys: usize,
    /// Keys that must sign.
    pub threshold: u32,
}

/// The quorum of each offline role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quorums {
    /// Signs root itself.
    pub root: Quorum,
    /// Signs the top targets role.
    pub targets: Quorum,
    /// Signs core releases.
    pub core: Quorum,
    /// Vouches for authors.
    pub claimed: Quorum,
}

impl Default for Quorums {
    /// Root 2 of 3, so that one lost key loses nothing; the others 1 of 1, which root can replace.
    fn default() -> Self {
        let single = Quorum { keys: 1, threshold: 1 };
        let root = Quorum { keys: 3, threshold: 2 };
        Self { root, targets: single, core: single, claimed: single }
    }
}

/// Makes every offline key and writes it to `folder` as `<role>-<number>.key`, mode 0600. The files
/// may then be given to their holders; each also needs a copy of `ceremony.json`.
///
/// # Errors
/// The folder is not empty, a quorum cannot be met, or a file cannot be written.
pub fn create(folder: &Path, quorums: &Quorums) -> Result<KeyFolder, KeysError> {
    let wanted = [
        (ROOT, quorums.root),
        (TARGETS, quorums.targets),
        (CORE, quorums.core),
        (CLAIMED, quorums.claimed),
    ];
    let mut keys = BTreeMap::new();
    for (role, quorum) in wanted {
        keys.insert(role.to_owned(), make(role, quorum)?);
    }
    KeyFolder::write(folder, &keys)
}

fn make(role: &str, quorum: Quorum) -> Result<(Vec<KeyPair>, Threshold), KeysError> {
    let threshold = Threshold::new(quorum.threshold)
        .filter(|threshold| threshold.is_met_by(quorum.keys))
        .ok_or_else(|| KeysError::Quorum {
            role: role.to_owned(),
            keys: quorum.keys,
            threshold: quorum.threshold,
        })?;
    let pairs = (0..quorum.keys).map(|_| new_pair()).collect::<Result<_, _>>()?;
    Ok((pairs, threshold))
}

/// A new key pair from the system's random source: for online keys and authors too.
///
/// # Errors
/// The system has no randomness to give.
pub fn new_pair() -> Result<KeyPair, KeysError> {
    let mut seed = zeroize::Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(KeysError::Random)?;
    Ok(KeyPair::generate(*seed))
}
