//! What was trusted so far: the raw bytes of each accepted file. In memory only; the caller loads
//! it before a refresh and writes what the refresh hands out, file by file.

use std::collections::BTreeMap;

use newleaf_domain::Namespace;

use crate::TrustError;
use crate::layout;
use crate::limits::Limits;
use crate::pin::TrustLevel;
use crate::role::RootRole;
use crate::role::root::TopRole;
use crate::verified::{Verified, verify_role, verify_self_signed};

/// The stored names of the four top roles, of the list of advisories, and of the record of levels.
pub(crate) const ROOT: &str = "root.json";
pub(crate) const TIMESTAMP: &str = "timestamp.json";
pub(crate) const SNAPSHOT: &str = "snapshot.json";
pub(crate) const TARGETS: &str = "targets.json";
pub(crate) const ADVISORY_LIST: &str = "advisories.list";
pub(crate) const LEVELS: &str = "levels";

/// The files of a `trust/` folder by name.
///
/// They are `root.json`, `timestamp.json`, `snapshot.json`,
/// `targets.json`, each delegated role's `<name>.json`, `advisories.list` (the newest list) and
/// `levels` (the strongest level each namespace was seen at).
#[derive(Clone, PartialEq, Eq)]
pub struct TrustStore {
    files: BTreeMap<String, Vec<u8>>,
}

impl std::fmt::Debug for TrustStore {
    /// Names and lengths; the bytes would drown everything else.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.files.iter().map(|(name, bytes)| (name, bytes.len()))).finish()
    }
}

impl TrustStore {
    /// A store that trusts `root` and has seen nothing else.
    ///
    /// # Errors
    /// `root` is not a root role signed by its own keys.
    pub fn from_root(root: &[u8], limits: &Limits) -> Result<Self, TrustError> {
        verify_root(root, limits)?;
        Ok(Self { files: BTreeMap::from([(ROOT.to_owned(), root.to_vec())]) })
    }

    /// The store whose files the caller has read back. Files of other names are kept and never
    /// looked at.
    ///
    /// # Errors
    /// There is no root among them, or it is not signed by its own keys.
    pub fn from_files(
        files: BTreeMap<String, Vec<u8>>,
        limits: &Limits,
    ) -> Result<Self, TrustError> {
        let store = Self { files };
        store.root(limits)?;
        Ok(store)
    }

    /// The store after a root that the caller trusts by itself, such as the one compiled into a
    /// newer product. An older one, or the same, changes nothing.
    ///
    /// # Errors
    /// `root` is not a root role signed by its own keys.
    pub fn with_compiled_root(mut self, root: &[u8], limits: &Limits) -> Result<Self, TrustError> {
        let compiled = verify_root(root, limits)?;
        if compiled.version() > self.root(limits)?.version() {
            self.insert(ROOT, root.to_vec());
        }
        Ok(self)
    }

    /// The trusted root.
    ///
    /// # Errors
    /// As [`TrustStore::from_files`].
    pub fn root(&self, limits: &Limits) -> Result<Verified<RootRole>, TrustError> {
        let absent = || TrustError::NoAnchor { file: ROOT.to_owned() };
        let bytes = self.get(ROOT).ok_or_else(absent)?;
        verify_root(bytes, limits).map_err(|error| TrustError::damaged(ROOT, error))
    }

    /// All files by name.
    pub const fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }

    /// The bytes of one file.
    pub fn get(&self, file: &str) -> Option<&[u8]> {
        self.files.get(file).map(Vec::as_slice)
    }

    pub(crate) fn insert(&mut self, file: &str, bytes: Vec<u8>) {
        self.files.insert(file.to_owned(), bytes);
    }

    /// The strongest level each namespace was seen at; a record of our own, not signed. Once
    /// anything of an author was seen there is one: it is made before the first timestamp is kept.
    ///
    /// # Errors
    /// It is damaged or lost: who was vouched for offline is not known any more, and nobody may be
    /// taken for less.
    pub(crate) fn levels(&self) -> Result<BTreeMap<Namespace, TrustLevel>, TrustError> {
        match self.get(LEVELS) {
            Some(bytes) => {
                serde_json::from_slice(bytes).map_err(|error| TrustError::damaged(LEVELS, error))
            }
            None if self.files.keys().any(|file| is_of_author(file)) => {
                Err(TrustError::damaged(LEVELS, "it is not there"))
            }
            None => Ok(BTreeMap::new()),
        }
    }

    /// Whether a timestamp and a snapshot were accepted before: nothing else is kept without them.
    pub(crate) fn had_a_floor(&self) -> bool {
        [TIMESTAMP, SNAPSHOT, TARGETS].into_iter().any(|file| self.files.contains_key(file))
    }
}

/// Whether a file of this name is an author's role.
fn is_of_author(file: &str) -> bool {
    file.strip_suffix(".json").is_some_and(|role| layout::namespace_of_role(role).is_some())
}

fn verify_root(bytes: &[u8], limits: &Limits) -> Result<Verified<RootRole>, TrustError> {
    verify_self_signed(ROOT, bytes, limits, |root: &RootRole| root.authority(TopRole::Root))
}

/// Takes a step along the chain of roots (TUF §5.3.4 and §5.3.5): exactly the next version, signed
/// by the thresholds of both.
pub(crate) fn next_root(
    trusted: &Verified<RootRole>,
    file: &str,
    bytes: &[u8],
    limits: &Limits,
) -> Result<Verified<RootRole>, TrustError> {
    let by_old = verify_role::<RootRole>(file, bytes, &trusted.authority(TopRole::Root)?, limits)?;
    let next = verify_role::<RootRole>(file, bytes, &by_old.authority(TopRole::Root)?, limits)?;
    let found = next.version();
    if found <= trusted.version() {
        let (file, trusted) = (file.to_owned(), trusted.version());
        return Err(TrustError::Replayed { file, offered: found, trusted });
    }
    match trusted.version().next() {
        Some(expected) => next.check_version(file, expected)?,
        None => {
            return Err(TrustError::malformed(file, "there is no version after the trusted one"));
        }
    }
    Ok(next)
}
