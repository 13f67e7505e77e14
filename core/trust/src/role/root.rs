//! The root role (TUF §4.3): which keys sign the four top roles, itself among them.

use std::collections::{BTreeMap, BTreeSet};

use newleaf_domain::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::TrustError;
use crate::authority::Authority;
use crate::key::{KeyId, ListedKey, PublicKey};
use crate::limits::Limits;
use crate::role::{Header, MetadataVersion, RoleBody, Threshold};

/// The four roles that root names keys for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TopRole {
    /// Root itself.
    Root,
    /// The one file that is polled.
    Timestamp,
    /// The versions of all other files.
    Snapshot,
    /// Who signs for which target paths.
    Targets,
}

impl TopRole {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Root, Self::Timestamp, Self::Snapshot, Self::Targets];

    /// The role's name in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Timestamp => "timestamp",
            Self::Snapshot => "snapshot",
            Self::Targets => "targets",
        }
    }
}

/// Which keys sign a role, and how many of them must.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleKeys {
    /// The keys that may sign.
    pub keyids: Vec<KeyId>,
    /// How many distinct ones must.
    pub threshold: Threshold,
}

impl RoleKeys {
    /// Refuses more keys than one role may have.
    pub(crate) fn check(&self, file: &str, limits: &Limits) -> Result<(), TrustError> {
        if self.keyids.len() > limits.keys {
            let (found, allowed) = (self.keyids.len(), limits.keys);
            return Err(TrustError::over_limit(file, "keys of one role", found, allowed));
        }
        Ok(())
    }
}

/// The body of `root.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RootRole {
    /// Version and expiry.
    #[serde(flatten)]
    pub header: Header,
    /// Whether files carry their version or digest in their name; only `true` is accepted.
    pub consistent_snapshot: bool,
    /// The keys by id.
    pub keys: BTreeMap<KeyId, ListedKey>,
    /// The top roles by name.
    pub roles: BTreeMap<String, RoleKeys>,
    /// Members of newer writers.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl RootRole {
    /// A root that names no keys yet.
    pub fn new(version: MetadataVersion, expires: Timestamp) -> Self {
        Self {
            header: Header::new::<Self>(version, expires),
            consistent_snapshot: true,
            keys: BTreeMap::new(),
            roles: BTreeMap::new(),
            extra: Map::new(),
        }
    }

    /// Names the keys and threshold of one top role, in place of what it had.
    #[must_use]
    pub fn with_role(mut self, role: TopRole, keys: &[PublicKey], threshold: Threshold) -> Self {
        let keyids = keys.iter().map(PublicKey::id).collect::<Vec<_>>();
        self.keys.extend(keyids.iter().cloned().zip(keys.iter().map(ListedKey::from)));
        self.roles.insert(role.as_str().to_owned(), RoleKeys { keyids, threshold });
        let used: BTreeSet<_> =
            self.roles.values().flat_map(|role| &role.keyids).cloned().collect();
        self.keys.retain(|id, _| used.contains(id));
        self
    }

    /// The keys and threshold that a top role's files are judged by.
    ///
    /// # Errors
    /// The root does not name the role.
    pub fn authority(&self, role: TopRole) -> Result<Authority, TrustError> {
        let named = self.roles.get(role.as_str()).ok_or_else(|| {
            TrustError::malformed("root.json", format_args!("role {} is not named", role.as_str()))
        })?;
        Ok(Authority::resolve(named, &self.keys))
    }
}

impl RoleBody for RootRole {
    const TYPE: &'static str = "root";

    fn header(&self) -> &Header {
        &self.header
    }

    fn check(&self, file: &str, limits: &Limits) -> Result<(), TrustError> {
        if !self.consistent_snapshot {
            return Err(TrustError::malformed(file, "consistent_snapshot must be true"));
        }
        for role in TopRole::ALL {
            let Some(named) = self.roles.get(role.as_str()) else {
                let reason = format_args!("role {} is not named", role.as_str());
                return Err(TrustError::malformed(file, reason));
            };
            named.check(file, limits)?;
        }
        Ok(())
    }
}
