//! Who signs for the namespaces that something was installed from.

use newleaf_domain::Namespace;
use newleaf_trust::role::Threshold;
use newleaf_trust::{KeyId, Pin, TrustLevel};
use serde::{Deserialize, Serialize};

use super::Freshness;

/// Whom this host trusts, and what the repository offers in their place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustView {
    /// One for each pinned namespace, by name.
    pub signers: Vec<SignerRow>,
    /// Namespaces of installed apps whose pin is not there any more; nothing of them is offered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<Namespace>,
    /// How fresh what is known of the repository is.
    pub freshness: Freshness,
}

/// The signer of one namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignerRow {
    /// The namespace.
    pub namespace: Namespace,
    /// Who signs, as pinned.
    pub pinned: SignerView,
    /// Another signer that the repository names now and that offline keys vouch for: the one that
    /// an admin may accept.
    pub offered: Option<SignerView>,
    /// Why nothing of the namespace is offered, where that is so.
    pub trouble: Option<String>,
}

/// One signer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignerView {
    /// Which link of the namespace's chain of signers it is; the first is 1.
    pub n: u64,
    /// Who vouches for it.
    pub level: TrustLevel,
    /// How many of its keys must sign.
    pub threshold: Threshold,
    /// Its keys.
    pub keys: Vec<KeyId>,
}

impl SignerView {
    /// The first characters of each key's id, for people.
    pub fn short_keys(&self) -> String {
        self.keys.iter().map(KeyId::short).collect::<Vec<_>>().join(", ")
    }
}

/// `claimed, 1 of 3f2a90c1d4e5`
impl std::fmt::Display for SignerView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {} of {}", self.level, self.threshold, self.short_keys())
    }
}

impl From<&Pin> for SignerView {
    fn from(pin: &Pin) -> Self {
        let keys = pin.keys.keys().cloned().collect();
        Self { n: pin.n, level: pin.level, threshold: pin.threshold, keys }
    }
}
