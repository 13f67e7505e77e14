//! The second act: the first version of every offline role. Learns the public half of the online
//! keys and nothing else of the registry.

use std::path::Path;

use newleaf_domain::Timestamp;
use newleaf_trust::PublicKey;
use newleaf_trust::layout::{self, ADVISORIES, CATALOGUE, CLAIMED, CORE, FRESH, Lifetime};
use newleaf_trust::role::root::TopRole;
use newleaf_trust::role::{MetadataVersion, RootRole, TargetsRole, Threshold};

use crate::create::{ROOT, TARGETS};
use crate::error::KeysError;
use crate::folder::KeyFolder;
use crate::sign::sign;

/// The public halves of the keys that the registry keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnlineKeys {
    /// A: signs the timestamp.
    pub timestamp: PublicKey,
    /// B: signs the snapshot.
    pub snapshot: PublicKey,
    /// C: signs advisories; may be the catalogue's too.
    pub advisories: PublicKey,
    /// C: signs the catalogue.
    pub catalogue: PublicKey,
    /// D: introduces new authors.
    pub fresh: PublicKey,
}

/// Version 1 of every offline role, as published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstRoles {
    /// `1.root.json`; hosts are given this file.
    pub root: Vec<u8>,
    /// `1.targets.json`: delegations only.
    pub targets: Vec<u8>,
    /// `1.core.json`: no release yet.
    pub core: Vec<u8>,
    /// `1.claimed.json`: no author yet.
    pub claimed: Vec<u8>,
}

impl FirstRoles {
    /// Each role by the name its file is served under.
    pub fn files(&self) -> [(&'static str, &[u8]); 4] {
        [
            ("1.root.json", &self.root),
            ("1.targets.json", &self.targets),
            ("1.core.json", &self.core),
            ("1.claimed.json", &self.claimed),
        ]
    }
}

/// Signs the first version of root, targets, `core` and `claimed` with the keys in `folder`.
///
/// # Errors
/// A key is missing or cannot be used.
pub fn init_repository(
    folder: &Path,
    online: &OnlineKeys,
    now: Timestamp,
) -> Result<FirstRoles, KeysError> {
    let keys = KeyFolder::open(folder)?;
    let offline = now.plus_seconds(Lifetime::OFFLINE);
    let empty = || TargetsRole::new(MetadataVersion::FIRST, offline);
    let top = delegate_all(empty(), &keys, online)?;
    Ok(FirstRoles {
        root: sign(&keys, ROOT, &first_root(&keys, online, now)?)?.file,
        targets: sign(&keys, TARGETS, &top)?.file,
        core: sign(&keys, CORE, &empty())?.file,
        claimed: sign(&keys, CLAIMED, &empty())?.file,
    })
}

fn first_root(
    keys: &KeyFolder,
    online: &OnlineKeys,
    now: Timestamp,
) -> Result<RootRole, KeysError> {
    let (root, targets) = (keys.role(ROOT)?, keys.role(TARGETS)?);
    Ok(RootRole::new(MetadataVersion::FIRST, now.plus_seconds(Lifetime::ROOT))
        .with_role(TopRole::Root, &root.keys, root.threshold)
        .with_role(TopRole::Timestamp, &[online.timestamp], Threshold::ONE)
        .with_role(TopRole::Snapshot, &[online.snapshot], Threshold::ONE)
        .with_role(TopRole::Targets, &targets.keys, targets.threshold))
}

/// The delegations in the order that hosts ask them: see [`layout`].
fn delegate_all(
    top: TargetsRole,
    keys: &KeyFolder,
    online: &OnlineKeys,
) -> Result<TargetsRole, KeysError> {
    let (core, claimed) = (keys.role(CORE)?, keys.role(CLAIMED)?);
    let order: [(&str, &[PublicKey], Threshold); 5] = [
        (CORE, &core.keys, core.threshold),
        (ADVISORIES, &[online.advisories], Threshold::ONE),
        (CATALOGUE, &[online.catalogue], Threshold::ONE),
        (CLAIMED, &claimed.keys, claimed.threshold),
        (FRESH, &[online.fresh], Threshold::ONE),
    ];
    Ok(order.into_iter().fold(top, |top, (role, keys, threshold)| match layout::delegation(role) {
        Some((paths, ending)) => top.with_delegation(role, keys, threshold, paths, ending),
        None => top,
    }))
}
