//! Keeps offline keys out of the registry's folder: finds key files by the keys in them, whatever
//! the files are called. Reads; changes nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use newleaf_trust::layout::{CLAIMED, CORE};
use newleaf_trust::role::root::TopRole;
use newleaf_trust::role::{RootRole, TargetsRole};
use newleaf_trust::{KeyPair, PublicKey, TrustError};

use crate::error::KeysError;
use crate::folder::io;

/// No key file is larger; larger files are not read.
const MAX_KEY_FILE: u64 = 4096;

/// The keys that a registry must not hold: those of root, targets, `core` and `claimed*`.
///
/// # Errors
/// `root` does not name its own roles.
pub fn offline_keys(
    root: &RootRole,
    targets: &TargetsRole,
) -> Result<BTreeSet<PublicKey>, TrustError> {
    let mut keys = root.authority(TopRole::Root)?.material();
    keys.extend(root.authority(TopRole::Targets)?.material());
    let is_offline = |name: &str| name == CORE || name == CLAIMED || name.starts_with("claimed-");
    if let Some(delegations) = &targets.delegations {
        for role in delegations.roles.iter().filter(|role| is_offline(&role.name)) {
            keys.extend(delegations.authority(role).material());
        }
    }
    Ok(keys)
}

/// The files below `folder` that hold the private half of one of `offline`. Symbolic links are not
/// followed into folders, but a linked file is read.
///
/// # Errors
/// A folder or small file below it cannot be read: then nobody can tell.
pub fn find_offline_keys(
    folder: &Path,
    offline: &BTreeSet<PublicKey>,
) -> Result<Vec<PathBuf>, KeysError> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().map_err(io("read", &folder))? {
            let path = entry.map_err(io("read", &folder))?.path();
            let link = path.symlink_metadata().map_err(io("read", &path))?;
            if link.is_dir() {
                folders.push(path);
            } else if holds_one_of(&path, offline)? {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn holds_one_of(path: &Path, offline: &BTreeSet<PublicKey>) -> Result<bool, KeysError> {
    let Ok(metadata) = path.metadata() else { return Ok(false) };
    if !metadata.is_file() || metadata.len() > MAX_KEY_FILE {
        return Ok(false);
    }
    let bytes = zeroize::Zeroizing::new(std::fs::read(path).map_err(io("read", path))?);
    let pair = std::str::from_utf8(&bytes).ok().and_then(|text| KeyPair::from_file_form(text).ok());
    Ok(pair.is_some_and(|pair| offline.contains(&pair.public())))
}
