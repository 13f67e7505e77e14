//! The targets roles (TUF §4.5), top and delegated: files with their digests, and who else signs
//! for which paths. [`TargetFile`] is one file of a verified view, with who vouches for it.

use std::collections::{BTreeMap, BTreeSet};

use newleaf_domain::manifest::InvalidManifest;
use newleaf_domain::{ByteSize, Digest, Manifest, Namespace, Release, ReleasePath, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use crate::view::Targets;

use crate::TrustError;
use crate::artifact::{Hashes, Sha512Digest};
use crate::authority::Authority;
use crate::glob::{PathPattern, Scope};
use crate::key::{KeyId, ListedKey, PublicKey};
use crate::layout;
use crate::limits::Limits;
use crate::pin::TrustLevel;
use crate::role::{Header, MetadataVersion, RoleBody, RoleKeys, Threshold};

/// The body of `targets.json` and of every delegated role's file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetsRole {
    /// Version and expiry.
    #[serde(flatten)]
    pub header: Header,
    /// The files by path.
    pub targets: BTreeMap<String, TargetRecord>,
    /// Who else signs, where anyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegations: Option<Delegations>,
    /// Members of newer writers.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// What a role says of one file (TUF §4.5 `TARGETS`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetRecord {
    /// Length in bytes.
    pub length: ByteSize,
    /// Digests in hex by algorithm; `sha256` must be there.
    pub hashes: BTreeMap<String, String>,
    /// What the signer says beside it; of a release `{manifest, release}`.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub custom: Value,
    /// Members of newer writers.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl TargetRecord {
    /// The record of a file that was read and hashed.
    pub fn new(length: ByteSize, hashes: &Hashes, custom: Value) -> Self {
        let named = [("sha256", hashes.sha256.to_string()), ("sha512", hashes.sha512.to_string())];
        Self {
            length,
            hashes: named.map(|(name, digest)| (name.to_owned(), digest)).into(),
            custom,
            extra: Map::new(),
        }
    }

    /// The record of `bytes`, with nothing said beside them.
    pub fn of(bytes: &[u8]) -> Self {
        Self::new(ByteSize::bytes(bytes.len() as u64), &Hashes::of(bytes), Value::Null)
    }

    /// The same record with `custom`.
    #[must_use]
    pub fn with_custom(mut self, custom: Value) -> Self {
        self.custom = custom;
        self
    }

    fn sha256(&self, path: &str) -> Result<Digest, TrustError> {
        let text = self
            .hashes
            .get("sha256")
            .ok_or_else(|| TrustError::malformed(path, "it is listed without sha256"))?;
        Digest::parse(text).map_err(|error| TrustError::malformed(path, error))
    }

    fn sha512(&self, path: &str) -> Result<Option<Sha512Digest>, TrustError> {
        let Some(text) = self.hashes.get("sha512") else { return Ok(None) };
        Sha512Digest::parse(text).map(Some).map_err(|error| TrustError::malformed(path, error))
    }
}

/// Roles that sign for part of the paths, in the order they are asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Delegations {
    /// The keys by id.
    pub keys: BTreeMap<KeyId, ListedKey>,
    /// The roles, first asked first.
    pub roles: Vec<Delegation>,
}

/// One delegated role (TUF §4.5 `ROLES`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delegation {
    /// The role's name; its file is `<version>.<name>.json`.
    pub name: String,
    /// Who signs.
    #[serde(flatten)]
    pub signers: RoleKeys,
    /// The paths the role may list. Delegation by hashed path is not supported and refused.
    pub paths: Vec<PathPattern>,
    /// Whether the search for a matching path ends with this role.
    #[serde(default)]
    pub terminating: bool,
    /// Members of newer writers.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Whether the search goes on past a role for the paths that the role matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It ends there, found or not (TUF §5.6.7.2.1).
    Terminating,
    /// The next role is asked.
    FallsThrough,
}

impl Delegation {
    pub(crate) fn matches(&self, path: &str) -> bool {
        self.paths.iter().any(|pattern| pattern.matches(path))
    }

    pub(crate) fn reaches(&self, scope: &Scope) -> bool {
        self.paths.iter().any(|pattern| pattern.reaches(scope))
    }

    pub(crate) fn covers(&self, scope: &Scope) -> bool {
        self.paths.iter().any(|pattern| pattern.covers(scope))
    }
}

impl Delegations {
    /// The keys and threshold of a delegation in this list.
    pub fn authority(&self, delegation: &Delegation) -> Authority {
        Authority::resolve(&delegation.signers, &self.keys)
    }

    fn drop_unused_keys(&mut self) {
        let used: BTreeSet<_> =
            self.roles.iter().flat_map(|role| &role.signers.keyids).cloned().collect();
        self.keys.retain(|id, _| used.contains(id));
    }

    /// The delegations that could lead to a path of `scope`, each with its keys, in order.
    pub(crate) fn reaching(&self, scope: &Scope) -> impl Iterator<Item = (&Delegation, Authority)> {
        let reaching = self.roles.iter().filter(move |role| role.reaches(scope));
        reaching.map(|role| (role, self.authority(role)))
    }

    /// The delegation to `role`, where there is one.
    pub fn role(&self, role: &str) -> Option<&Delegation> {
        self.roles.iter().find(|delegation| delegation.name == role)
    }
}

impl TargetsRole {
    /// A role that lists nothing yet.
    pub fn new(version: MetadataVersion, expires: Timestamp) -> Self {
        Self {
            header: Header::new::<Self>(version, expires),
            targets: BTreeMap::new(),
            delegations: None,
            extra: Map::new(),
        }
    }

    /// Lists one file, in place of what was listed at its path.
    #[must_use]
    pub fn with_target(mut self, path: impl Into<String>, record: TargetRecord) -> Self {
        self.targets.insert(path.into(), record);
        self
    }

    /// Delegates to one role: in place of the delegation of that name, else after all others.
    #[must_use]
    pub fn with_delegation(
        mut self,
        name: &str,
        keys: &[PublicKey],
        threshold: Threshold,
        paths: &[&str],
        ending: Ending,
    ) -> Self {
        let delegations = self.delegations.get_or_insert_default();
        let keyids = keys.iter().map(PublicKey::id).collect::<Vec<_>>();
        delegations.keys.extend(keyids.iter().cloned().zip(keys.iter().map(ListedKey::from)));
        let delegation = Delegation {
            name: name.to_owned(),
            signers: RoleKeys { keyids, threshold },
            paths: paths.iter().copied().map(PathPattern::new).collect(),
            terminating: ending == Ending::Terminating,
            extra: Map::new(),
        };
        match delegations.roles.iter_mut().find(|role| role.name == name) {
            Some(existing) => *existing = delegation,
            None => delegations.roles.push(delegation),
        }
        delegations.drop_unused_keys();
        self
    }
}

impl RoleBody for TargetsRole {
    const TYPE: &'static str = "targets";

    fn header(&self) -> &Header {
        &self.header
    }

    fn check(&self, file: &str, limits: &Limits) -> Result<(), TrustError> {
        for (path, record) in &self.targets {
            check_path(file, path, limits)?;
            record.sha256(path)?;
            record.sha512(path)?;
        }
        let mut names = BTreeSet::new();
        for delegation in self.delegations.iter().flat_map(|list| &list.roles) {
            check_role_name(file, &delegation.name)?;
            if !names.insert(&delegation.name) {
                let reason = format_args!("it delegates to {} twice", delegation.name);
                return Err(TrustError::malformed(file, reason));
            }
            delegation.signers.check(file, limits)?;
            for pattern in &delegation.paths {
                check_path(file, pattern.as_str(), limits)?;
            }
        }
        Ok(())
    }
}

/// Refuses a path (or pattern) that could leave its folder, read two ways, or be too long.
fn check_path(file: &str, path: &str, limits: &Limits) -> Result<(), TrustError> {
    if path.len() > limits.path {
        return Err(TrustError::over_limit(file, "bytes in a path", path.len(), limits.path));
    }
    let is_plain = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    if path.split('/').all(is_plain) {
        Ok(())
    } else {
        Err(TrustError::malformed(file, format_args!("{path:?} is not a target path")))
    }
}

/// Names that are top roles, or devices on some systems.
const RESERVED_ROLES: [&str; 9] =
    ["root", "timestamp", "snapshot", "targets", "mirrors", "con", "nul", "prn", "aux"];

/// Refuses a role name that is not a plain file name of its own.
fn check_role_name(file: &str, name: &str) -> Result<(), TrustError> {
    let fits = (1..=64).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && !name.ends_with('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        && !RESERVED_ROLES.contains(&name.to_ascii_lowercase().as_str());
    if fits {
        Ok(())
    } else {
        Err(TrustError::malformed(file, format_args!("{name:?} is not a role name")))
    }
}

/// Who vouches for a file: the role that lists it, and how that role's keys came to be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The role that lists the file.
    pub role: String,
    /// The namespace, for apps.
    pub namespace: Option<Namespace>,
    /// Whether offline or online keys introduced the role.
    pub level: TrustLevel,
}

/// One file of a verified view: what its signer says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetFile {
    /// The target path, such as `apps/acme/notes/2.0.0/notes.zip`.
    pub path: String,
    /// Signed length in bytes.
    pub length: ByteSize,
    /// Signed SHA-256.
    pub sha256: Digest,
    /// Signed SHA-512, where the signer gives it.
    pub sha512: Option<Sha512Digest>,
    /// What the signer says beside it.
    pub custom: Value,
    /// Who says so.
    pub signer: Signer,
}

impl TargetFile {
    /// The file that `record` describes; only the verified view makes one.
    pub(crate) fn new(
        path: &str,
        record: &TargetRecord,
        signer: Signer,
        limits: &Limits,
    ) -> Result<Self, TrustError> {
        let allowed = limits.target(path);
        if record.length > allowed {
            let (found, bound) = (record.length.to_string(), allowed.to_string());
            return Err(TrustError::over_limit(path, "signed length", found, bound));
        }
        Ok(Self {
            path: path.to_owned(),
            length: record.length,
            sha256: record.sha256(path)?,
            sha512: record.sha512(path)?,
            custom: record.custom.clone(),
            signer,
        })
    }

    /// Where the file lies below `targets/`: `<folder>/<sha256>.<file>` (TUF §3.2, consistent
    /// snapshots).
    pub fn stored_path(&self) -> String {
        layout::stored_path(&self.path, self.sha256)
    }

    /// What the file is a release of; nothing for READMEs, icons and the like.
    pub fn release_path(&self) -> Option<ReleasePath> {
        ReleasePath::parse(&self.path).ok()
    }

    /// The path of `file` in the same folder, such as `README.md` beside a package.
    pub fn beside(&self, file: &str) -> String {
        match self.path.rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/{file}"),
            None => file.to_owned(),
        }
    }

    /// `custom.manifest` as signed: what the package's own manifest is compared with. Null where
    /// the signer gives none.
    pub fn signed_manifest(&self) -> &Value {
        &self.custom["manifest"]
    }

    /// The manifest of a release, good for choosing it: display texts empty, each reason replaced
    /// by its digest's text.
    ///
    /// # Errors
    /// `custom.manifest` is absent, not a manifest, or asks for an unknown capability.
    pub fn manifest(&self) -> Result<Manifest, InvalidManifest> {
        Manifest::from_signed_form(self.signed_manifest())
    }

    /// Channel, rollout and time of a release.
    ///
    /// # Errors
    /// `custom.release` is absent or has another form.
    pub fn release(&self) -> Result<Release, TrustError> {
        Release::deserialize(&self.custom["release"]).map_err(|error| {
            TrustError::malformed(&self.path, format_args!("custom.release: {error}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_names_that_are_top_roles_devices_or_paths_are_refused() {
        for bad in ["timestamp", "Root", "../x", "a/b", "con", "", ".hidden", "a b", "é", "x."] {
            assert!(check_role_name("targets.json", bad).is_err(), "{bad:?} was accepted");
        }
        assert!(check_role_name("targets.json", "pub.acme").is_ok());
    }

    #[test]
    fn paths_that_leave_their_folder_are_refused() {
        let limits = Limits::default();
        for bad in ["../x", "/x", "a//b", "a/./b", "a\\b", "a/é", "a b", "", &"a".repeat(256)] {
            assert!(check_path("targets.json", bad, &limits).is_err(), "{bad:?} was accepted");
        }
    }
}
