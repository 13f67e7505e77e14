//! The signing half: role bodies in, published files out. Needs no randomness (RFC 8032 signatures
//! are deterministic), so signing the same body twice gives the same bytes.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::canonical::{CanonicalError, parse_strict, to_canonical};
use crate::key::{KeyId, KeyPair};
use crate::role::{MetadataVersion, SignatureEntry};

/// Why a role could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The body or file cannot be written as JSON.
    #[error("role cannot be written as JSON")]
    Json(#[source] serde_json::Error),
    /// The body or file has no canonical form.
    #[error("role has no canonical form")]
    Canonical(#[source] CanonicalError),
    /// The file to add a signature to is not a role file.
    #[error("file is not a role file: it has no {member}")]
    NotARole {
        /// What it lacks.
        member: &'static str,
    },
    /// There is no version after this one.
    #[error("version {version} is the last there can be")]
    NoNextVersion {
        /// The version of the current file.
        version: MetadataVersion,
    },
}

/// The canonical bytes of anything that serialises.
///
/// # Errors
/// It holds what canonical JSON cannot, a fraction for instance.
pub fn canonical_of<T: Serialize>(value: &T) -> Result<Vec<u8>, SignError> {
    let value = serde_json::to_value(value).map_err(SignError::Json)?;
    to_canonical(&value).map_err(SignError::Canonical)
}

/// The published file of `role` with a signature by each of `keys`: canonical JSON of
/// `{"signatures": […], "signed": {…}}`, signatures ordered by key id.
///
/// # Errors
/// The role has no canonical form.
pub fn sign_role<T: Serialize>(role: &T, keys: &[&KeyPair]) -> Result<Vec<u8>, SignError> {
    let signed = serde_json::to_value(role).map_err(SignError::Json)?;
    envelope(BTreeMap::new(), &signed, keys)
}

/// The same file with a signature by each of `keys` added, or put in place of an older one by that
/// key. What is signed stays as it is; whether it deserves a signature is the caller's to judge.
///
/// # Errors
/// `file` is not a role file.
pub fn add_signatures(file: &[u8], keys: &[&KeyPair]) -> Result<Vec<u8>, SignError> {
    let mut value = parse_strict(file).map_err(SignError::Canonical)?;
    let mut take = |member: &'static str| {
        value.get_mut(member).map(Value::take).ok_or(SignError::NotARole { member })
    };
    let entries: Vec<SignatureEntry> =
        serde_json::from_value(take("signatures")?).map_err(SignError::Json)?;
    let signed = take("signed")?;
    envelope(entries.into_iter().map(|entry| (entry.keyid, entry.sig)).collect(), &signed, keys)
}

fn envelope(
    mut signatures: BTreeMap<KeyId, String>,
    signed: &Value,
    keys: &[&KeyPair],
) -> Result<Vec<u8>, SignError> {
    let message = to_canonical(signed).map_err(SignError::Canonical)?;
    signatures.extend(keys.iter().map(|key| (key.public().id(), key.sign(&message))));
    let entries = signatures
        .into_iter()
        .map(|(keyid, sig)| SignatureEntry { keyid, sig })
        .collect::<Vec<_>>();
    canonical_of(&json!({ "signatures": entries, "signed": signed }))
}

/// The version that follows `version`.
///
/// # Errors
/// There is none.
pub fn next_version(version: MetadataVersion) -> Result<MetadataVersion, SignError> {
    version.next().ok_or(SignError::NoNextVersion { version })
}

#[cfg(test)]
mod tests {
    use newleaf_domain::Timestamp;

    use super::*;
    use crate::role::TargetsRole;

    fn role() -> TargetsRole {
        TargetsRole::new(MetadataVersion::FIRST, Timestamp::from_unix(1_800_000_000))
    }

    #[test]
    fn signatures_of_two_signers_in_two_steps_are_those_of_one_step() {
        let (one, two) = (KeyPair::generate([1; 32]), KeyPair::generate([2; 32]));
        let together = sign_role(&role(), &[&one, &two]).unwrap();
        let apart = add_signatures(&sign_role(&role(), &[&two]).unwrap(), &[&one]).unwrap();
        assert_eq!(together, apart);
    }

    #[test]
    fn the_published_form_is_canonical_and_lists_its_members_in_order() {
        let file = sign_role(&role(), &[]).unwrap();
        insta::assert_snapshot!(String::from_utf8(file).unwrap(), @r#"{"signatures":[],"signed":{"_type":"targets","expires":"2027-01-15T08:00:00Z","spec_version":"1.0.34","targets":{},"version":1}}"#);
    }
}
