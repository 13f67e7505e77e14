//! Signing one role with the keys at hand, and continuing a role that these keys signed before.
//! Never signs on top of a file that it cannot verify: a registry that was broken into could else
//! have its own releases signed.

use newleaf_domain::Timestamp;
use newleaf_trust::role::{MetadataVersion, RoleBody, Threshold};
use newleaf_trust::sign::{next_version, sign_role};
use newleaf_trust::{KeyPair, Limits, add_signatures, verify_role};

use crate::error::KeysError;
use crate::folder::KeyFolder;

/// A signed role file, perhaps not yet by all who must sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRole {
    /// The role's name.
    pub role: String,
    /// The file's version.
    pub version: MetadataVersion,
    /// The file, as it is published.
    pub file: Vec<u8>,
    /// How many keys have signed.
    pub signatures: usize,
    /// How many must.
    pub threshold: Threshold,
}

impl SignedRole {
    /// Whether enough keys have signed for hosts to accept the file.
    pub fn is_complete(&self) -> bool {
        self.threshold.is_met_by(self.signatures)
    }
}

/// Signs `body` with every key of `role` in the folder.
pub(crate) fn sign<T: RoleBody>(
    keys: &KeyFolder,
    role: &str,
    body: &T,
) -> Result<SignedRole, KeysError> {
    let pairs = keys.pairs(role)?;
    let file = sign_role(body, &pairs.iter().collect::<Vec<_>>())
        .map_err(|source| KeysError::Sign { role: role.to_owned(), source })?;
    Ok(SignedRole {
        role: role.to_owned(),
        version: body.header().version,
        file,
        signatures: pairs.len(),
        threshold: keys.role(role)?.threshold,
    })
}

/// The body of the next version of `role`, with a new expiry, on top of `current`.
pub(crate) fn continue_role<T: RoleBody>(
    keys: &KeyFolder,
    role: &str,
    current: &[u8],
    expires: Timestamp,
    header: impl FnOnce(&mut T) -> &mut newleaf_trust::role::Header,
) -> Result<T, KeysError> {
    let file = format!("{role}.json");
    let authority = keys.role(role)?.authority();
    let verified = verify_role::<T>(&file, current, &authority, &Limits::default())
        .map_err(|source| KeysError::Current { role: role.to_owned(), source })?;
    let version = next_version(verified.version())
        .map_err(|source| KeysError::Sign { role: role.to_owned(), source })?;
    let mut body = verified.into_inner();
    let header = header(&mut body);
    header.version = version;
    header.expires = expires;
    Ok(body)
}

/// Adds the signatures of the keys of `role` in the folder to a draft that another holder made and
/// this holder has read. The signatures already there are kept.
///
/// # Errors
/// There is no key, or `draft` is not a role file.
pub fn cosign<T: RoleBody>(
    folder: &std::path::Path,
    role: &str,
    draft: &[u8],
) -> Result<SignedRole, KeysError> {
    let keys = KeyFolder::open(folder)?;
    let pairs: Vec<KeyPair> = keys.pairs(role)?;
    let file = add_signatures(draft, &pairs.iter().collect::<Vec<_>>())
        .map_err(|source| KeysError::Sign { role: role.to_owned(), source })?;
    let limits = Limits::default();
    let parsed = newleaf_trust::role::Signed::<T>::parse(&format!("{role}.json"), &file, &limits)
        .map_err(|source| KeysError::Current { role: role.to_owned(), source })?;
    let by_role = |key: &newleaf_trust::KeyId| {
        keys.role(role).is_ok_and(|named| named.authority().keys().contains_key(key))
    };
    let signatures = parsed.signatures.iter().filter(|entry| by_role(&entry.keyid)).count();
    let (version, threshold) = (parsed.body.header().version, keys.role(role)?.threshold);
    Ok(SignedRole { role: role.to_owned(), version, file, signatures, threshold })
}
