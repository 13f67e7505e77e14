//! Vouching for an author: her namespace's keys go into `claimed`, signed offline. Also the plain
//! renewal of a role before it expires.

use std::path::Path;

use newleaf_domain::{Namespace, Timestamp};
use newleaf_trust::PublicKey;
use newleaf_trust::layout::{self, CLAIMED, Lifetime};
use newleaf_trust::role::targets::Ending;
use newleaf_trust::role::{RootRole, TargetsRole, Threshold};

use crate::create::ROOT;
use crate::error::KeysError;
use crate::folder::KeyFolder;
use crate::sign::{SignedRole, continue_role, sign};

/// Signs version N+1 of `claimed`, in which `threshold` of `keys` sign for `namespace`.
///
/// Where the namespace was claimed before, its keys are replaced: hosts that have one of its apps installed
/// will stop and ask.
///
/// # Errors
/// `current` is not the ceremony's, more keys are needed than given, or no key is at hand.
pub fn claim(
    folder: &Path,
    current: &[u8],
    namespace: &Namespace,
    keys: &[PublicKey],
    threshold: Threshold,
    now: Timestamp,
) -> Result<SignedRole, KeysError> {
    let role = layout::author_role(namespace);
    if !threshold.is_met_by(keys.len()) {
        return Err(KeysError::Quorum { role, keys: keys.len(), threshold: threshold.get() });
    }
    let folder = KeyFolder::open(folder)?;
    let body = next_targets(&folder, CLAIMED, current, now)?;
    let paths = layout::author_paths(namespace);
    let body = body.with_delegation(&role, keys, threshold, &[&paths], Ending::Terminating);
    sign(&folder, CLAIMED, &body)
}

/// Signs version N+1 of an offline targets role (`targets`, `core`, `claimed`) that says the same
/// for another 180 days.
///
/// # Errors
/// As [`claim`].
pub fn renew(
    folder: &Path,
    role: &str,
    current: &[u8],
    now: Timestamp,
) -> Result<SignedRole, KeysError> {
    let folder = KeyFolder::open(folder)?;
    let body = next_targets(&folder, role, current, now)?;
    sign(&folder, role, &body)
}

/// Signs root N+1, which names the same keys for another 365 days.
///
/// # Errors
/// As [`claim`].
pub fn renew_root(folder: &Path, current: &[u8], now: Timestamp) -> Result<SignedRole, KeysError> {
    let folder = KeyFolder::open(folder)?;
    let expires = now.plus_seconds(Lifetime::ROOT);
    let body = continue_role::<RootRole>(&folder, ROOT, current, expires, |root| &mut root.header)?;
    sign(&folder, ROOT, &body)
}

pub(crate) fn next_targets(
    folder: &KeyFolder,
    role: &str,
    current: &[u8],
    now: Timestamp,
) -> Result<TargetsRole, KeysError> {
    let expires = now.plus_seconds(Lifetime::OFFLINE);
    continue_role::<TargetsRole>(folder, role, current, expires, |body| &mut body.header)
}
