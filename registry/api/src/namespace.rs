//! Namespaces: who publishes under a name, and by which keys.

use newleaf_domain::Namespace;
use newleaf_trust::key::PublicKey;
use newleaf_trust::role::Threshold;
use serde::{Deserialize, Serialize};

/// The most keys a namespace may have; the same bound a host puts on every role.
pub const MAX_KEYS: usize = 16;

/// The request for a namespace that nobody has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimNamespace {
    /// The name.
    pub namespace: Namespace,
    /// The author's public keys, 1 to [`MAX_KEYS`] different ones.
    pub keys: Vec<PublicKey>,
    /// How many of them must sign a role.
    pub threshold: Threshold,
}

/// A namespace as the registry knows it (201 after a claim).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceEntry {
    /// The name.
    pub namespace: Namespace,
    /// Who vouches for its keys.
    pub level: NamespaceLevel,
    /// The keys that may sign.
    pub keys: Vec<PublicKey>,
    /// How many must.
    pub threshold: Threshold,
    /// The current role's version; 0 before the first.
    pub version: u64,
}

/// Who vouches for a namespace's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NamespaceLevel {
    /// An online key of the registry; hosts may refuse it.
    Fresh,
    /// The registry's people, with keys kept offline.
    Claimed,
}

impl NamespaceLevel {
    /// The text form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Claimed => "claimed",
        }
    }
}
