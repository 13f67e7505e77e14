//! Who may sign a role's file, and how many of them must. Counts key material, never key ids: one
//! key under two names is one key (TUF §5 "unique keys").

use std::collections::{BTreeMap, BTreeSet};

use newleaf_domain::Digest;

use crate::key::{KeyId, ListedKey, PublicKey};
use crate::role::{RoleKeys, SignatureEntry, Threshold};

/// A role's keys and threshold, as its delegator names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    keys: BTreeMap<KeyId, PublicKey>,
    threshold: Threshold,
}

impl Authority {
    /// `threshold` of `keys`, each under its own id.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>, threshold: Threshold) -> Self {
        Self { keys: keys.into_iter().map(|key| (key.id(), key)).collect(), threshold }
    }

    /// The usable ones of the keys that `named` lists. One that is of an unknown kind, or absent
    /// from `keys`, can never count.
    pub(crate) fn resolve(named: &RoleKeys, keys: &BTreeMap<KeyId, ListedKey>) -> Self {
        let usable = |id: &KeyId| Some((id.clone(), keys.get(id)?.public()?));
        Self { keys: named.keyids.iter().filter_map(usable).collect(), threshold: named.threshold }
    }

    /// The keys by the ids that signatures name them with.
    pub const fn keys(&self) -> &BTreeMap<KeyId, PublicKey> {
        &self.keys
    }

    /// How many distinct keys must sign.
    pub const fn threshold(&self) -> Threshold {
        self.threshold
    }

    /// The distinct keys, whatever their ids.
    pub fn material(&self) -> BTreeSet<PublicKey> {
        self.keys.values().copied().collect()
    }

    /// Whether both are the same keys with the same threshold, whatever the ids.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.threshold == other.threshold && self.material() == other.material()
    }

    /// The distinct keys that have a valid signature on `message` in `signatures`.
    pub(crate) fn signers(
        &self,
        message: &[u8],
        signatures: &[SignatureEntry],
    ) -> BTreeSet<PublicKey> {
        signatures
            .iter()
            .filter_map(|entry| self.keys.get(&entry.keyid).map(|key| (key, &entry.sig)))
            .filter(|(key, signature)| key.verifies(message, signature))
            .map(|(key, _)| *key)
            .collect()
    }

    /// Short ids of the keys that `signatures` names, given, but not valid on `message`; also of
    /// those that name no key at all, and yet are valid under one of these.
    pub(crate) fn broken(&self, message: &[u8], signatures: &[SignatureEntry]) -> Vec<String> {
        let valid = self.signers(message, signatures);
        let given = signatures.iter().filter(|entry| !entry.sig.is_empty());
        let broken = given.filter(|entry| match self.keys.get(&entry.keyid) {
            Some(key) => !valid.contains(key),
            None => self.is_misnamed(message, entry),
        });
        broken.map(|entry| entry.keyid.short()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Whether one of these keys has made the signature, under a name that is neither listed nor
    /// the key's own: the name was altered. A key that was listed under another name before is
    /// named by its own, or not known to be the same.
    fn is_misnamed(&self, message: &[u8], entry: &SignatureEntry) -> bool {
        let mut keys = self.keys.values();
        keys.any(|key| key.id() != entry.keyid && key.verifies(message, &entry.sig))
    }

    /// Names these keys, ids and threshold apart from any other; for looking up what was verified.
    pub(crate) fn fingerprint(&self) -> Digest {
        let mut text = self.threshold.to_string();
        for (id, key) in &self.keys {
            text.push('\n');
            text.push_str(&key.to_hex());
            text.push(' ');
            text.push_str(id.as_str());
        }
        Digest::of(text.as_bytes())
    }

    /// `2 of 3f2a90c1d4e5, 77aa01b2c3d4, …`: for messages.
    pub fn summary(&self) -> String {
        if self.keys.is_empty() {
            return "no usable key".to_owned();
        }
        format!("{} of {}", self.threshold, self.names())
    }

    /// `3f2a90c1d4e5, 77aa01b2c3d4, …`: for messages that name the threshold elsewhere.
    pub(crate) fn names(&self) -> String {
        let ids = self.material().iter().map(|key| key.id().short()).collect::<Vec<_>>();
        if ids.is_empty() { "a key that is not listed".to_owned() } else { ids.join(", ") }
    }
}
