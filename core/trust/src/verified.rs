//! The one door between parsed and trusted. A [`Verified`] can only be made here: of a role file by
//! checking its signatures, of a view by merging roles that were verified.

use std::ops::Deref;

use newleaf_domain::Timestamp;

use crate::TrustError;
use crate::authority::Authority;
use crate::limits::Limits;
use crate::role::{MetadataVersion, RoleBody, SignatureEntry, Signed};
use crate::view::{Merge, Targets};

/// Proof that enough of the right keys signed what is inside.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified<T>(T);

impl<T> Deref for Verified<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Verified<T> {
    /// Gives up the proof for the value.
    pub fn into_inner(self) -> T {
        self.0
    }
}

/// Parses `bytes` and believes them if `authority`'s threshold of distinct keys signed them.
///
/// TUF §5: "signed by a threshold of unique keys". Says nothing of version and expiry; `file` names
/// the file in errors.
///
/// # Errors
/// [`TrustError::Malformed`], [`TrustError::LimitExceeded`], [`TrustError::WrongKey`] or
/// [`TrustError::ThresholdNotMet`].
pub fn verify_role<T: RoleBody>(
    file: &str,
    bytes: &[u8],
    authority: &Authority,
    limits: &Limits,
) -> Result<Verified<T>, TrustError> {
    let signed = Signed::<T>::parse(file, bytes, limits)?;
    check_signatures(file, &signed, authority)?;
    Ok(Verified(signed.body))
}

/// As [`verify_role`] for a file that names its own keys: a root.
///
/// # Errors
/// As [`verify_role`].
pub(crate) fn verify_self_signed<T: RoleBody>(
    file: &str,
    bytes: &[u8],
    limits: &Limits,
    authority: impl FnOnce(&T) -> Result<Authority, TrustError>,
) -> Result<Verified<T>, TrustError> {
    let signed = Signed::<T>::parse(file, bytes, limits)?;
    check_signatures(file, &signed, &authority(&signed.body)?)?;
    Ok(Verified(signed.body))
}

fn check_signatures<T: RoleBody>(
    file: &str,
    signed: &Signed<T>,
    authority: &Authority,
) -> Result<(), TrustError> {
    let valid = authority.signers(signed.canonical(), &signed.signatures).len();
    let threshold = authority.threshold();
    if threshold.is_met_by(valid) {
        return Ok(());
    }
    let file = file.to_owned();
    let broken = authority.broken(signed.canonical(), &signed.signatures);
    if valid > 0 || !broken.is_empty() {
        return Err(TrustError::ThresholdNotMet { file, valid, threshold, broken });
    }
    let found = names(&signed.signatures);
    Err(TrustError::WrongKey { file, found, allowed: authority.names(), threshold })
}

fn names(signatures: &[SignatureEntry]) -> String {
    let present = signatures.iter().filter(|entry| !entry.sig.is_empty());
    let ids = present.map(|entry| entry.keyid.short()).collect::<Vec<_>>();
    if ids.is_empty() { "no key".to_owned() } else { ids.join(", ") }
}

impl<T: RoleBody> Verified<T> {
    /// The file's version.
    pub fn version(&self) -> MetadataVersion {
        self.header().version
    }

    /// The file's expiry.
    pub fn expires(&self) -> Timestamp {
        self.header().expires
    }

    /// Refuses another version than the one that pins the file.
    pub(crate) fn check_version(
        &self,
        file: &str,
        expected: MetadataVersion,
    ) -> Result<(), TrustError> {
        let found = self.version();
        if found == expected {
            return Ok(());
        }
        Err(TrustError::WrongVersion { file: file.to_owned(), found, expected })
    }

    /// Refuses an expired file; one that expires exactly now is expired (TUF §5.3.10 and the like:
    /// the expiry must be higher than the start time).
    pub(crate) fn check_expiry(&self, file: &str, now: Timestamp) -> Result<(), TrustError> {
        let expired = self.expires();
        if expired > now {
            return Ok(());
        }
        Err(TrustError::Expired { file: file.to_owned(), expired, now })
    }
}

impl Verified<Targets> {
    /// The view of all roles merged so far; the merge takes verified roles only.
    pub(crate) fn merged(merge: Merge) -> Self {
        Self(merge.into_targets())
    }
}
