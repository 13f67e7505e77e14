//! Signer continuity: the keys a namespace had when its first app was installed. A pin only ever
//! refuses; it cannot make a key trusted that the delegations do not name.

use std::collections::BTreeMap;

use newleaf_domain::Namespace;
use serde::{Deserialize, Serialize};

use crate::TrustError;
use crate::authority::Authority;
use crate::key::{KeyId, PublicKey};
use crate::role::Threshold;

/// How a role's keys came to be trusted. Ordered: a higher one is never given up for a lower one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrustLevel {
    /// Named by an online key, for an author nobody has vouched for yet.
    Fresh,
    /// Named by offline keys.
    Claimed,
}

impl TrustLevel {
    /// The text form, `fresh` or `claimed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Claimed => "claimed",
        }
    }
}

impl std::fmt::Display for TrustLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// A namespace's signer, as pinned or as offered. Its JSON is the file `trust/pins/<ns>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The namespace.
    pub ns: Namespace,
    /// Which link of the namespace's chain of signers this is; the first is 1.
    pub n: u64,
    /// The keys that may sign.
    pub keys: BTreeMap<KeyId, PublicKey>,
    /// How many distinct ones must.
    pub threshold: Threshold,
    /// Who vouched for the keys.
    pub level: TrustLevel,
}

impl Pin {
    /// The first link of `ns`: the keys of `authority`, vouched for at `level`.
    pub fn first(ns: Namespace, authority: &Authority, level: TrustLevel) -> Self {
        let keys = authority.material().into_iter().map(|key| (key.id(), key)).collect();
        Self { ns, n: 1, keys, threshold: authority.threshold(), level }
    }

    /// The keys and threshold that the namespace's role is judged by.
    pub fn authority(&self) -> Authority {
        Authority::new(self.keys.values().copied(), self.threshold)
    }

    /// Whether `offered` is this signer, vouched for at least as well.
    ///
    /// # Errors
    /// [`TrustError::SignerChanged`], which names both.
    pub fn accepts(&self, offered: &Self) -> Result<(), TrustError> {
        let is_same = self.authority().is_same_as(&offered.authority());
        if is_same && offered.level >= self.level {
            return Ok(());
        }
        Err(TrustError::SignerChanged {
            namespace: self.ns.clone(),
            pinned: self.summary(),
            offered: offered.summary(),
            voucher: offered.level,
        })
    }

    /// `claimed, 1 of 3f2a90c1d4e5`: for people.
    pub fn summary(&self) -> String {
        format!("{}, {}", self.level, self.authority().summary())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyPair;

    fn pin(seeds: &[u8], threshold: u32, level: TrustLevel) -> Pin {
        let keys = seeds.iter().map(|seed| KeyPair::generate([*seed; 32]).public());
        let authority = Authority::new(keys, Threshold::new(threshold).unwrap());
        Pin::first(Namespace::parse("acme").unwrap(), &authority, level)
    }

    #[test]
    fn a_pin_accepts_its_own_signer_and_a_better_voucher() {
        let fresh = pin(&[1, 2], 1, TrustLevel::Fresh);
        assert!(fresh.accepts(&fresh).is_ok());
        assert!(fresh.accepts(&pin(&[2, 1], 1, TrustLevel::Claimed)).is_ok());
    }

    #[test]
    fn a_pin_refuses_other_keys_another_threshold_and_a_lower_level() {
        let pinned = pin(&[1, 2], 2, TrustLevel::Claimed);
        for other in [
            pin(&[1, 3], 2, TrustLevel::Claimed),
            pin(&[1, 2, 3], 2, TrustLevel::Claimed),
            pin(&[1, 2], 1, TrustLevel::Claimed),
            pin(&[1, 2], 2, TrustLevel::Fresh),
        ] {
            let refused = pinned.accepts(&other).unwrap_err();
            assert!(matches!(refused, TrustError::SignerChanged { .. }), "{refused}");
        }
    }

    #[test]
    fn a_pin_survives_its_file_form() {
        let pinned = pin(&[1], 1, TrustLevel::Claimed);
        let text = serde_json::to_string(&pinned).unwrap();
        assert_eq!(serde_json::from_str::<Pin>(&text).unwrap(), pinned);
        assert!(text.contains(r#""level":"claimed""#) && text.contains(r#""keytype":"ed25519""#));
    }
}
