//! What a choice starts from: what is installed, what the admin set, what is asked for.

use std::collections::{BTreeMap, BTreeSet};

use newleaf_domain::{
    AbiVersion, Channel, Digest, Edition, Grants, Manifest, PackageName, Platform, Target, Version,
    VersionReq,
};
use serde::{Deserialize, Serialize};

use crate::Automatic;

/// What runs on this host, as the planner needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// `seq` of the state.
    pub seq: u64,
    /// The product's edition.
    pub edition: Edition,
    /// What this machine is.
    pub platform: Platform,
    /// The contract this core speaks.
    pub abi: AbiVersion,
    /// Core as it runs.
    pub core: InstalledCore,
    /// Each app as it runs.
    pub apps: BTreeMap<PackageName, InstalledApp>,
    /// The data that removed apps left in its place: a later install takes it up.
    pub kept: BTreeMap<PackageName, KeptSchema>,
    /// Digests that failed here, with their reasons.
    pub bad: BTreeMap<Digest, String>,
    /// Places this host in a staged rollout; 32 random bytes made at `init`.
    pub install_id: [u8; 32],
}

/// Core as it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledCore {
    /// Its version.
    pub version: Version,
    /// SHA-256 of its package, or of its binary where it came by hand.
    pub digest: Digest,
    /// Schema of `newleaf.db`.
    pub schema: u32,
    /// The lowest schema whose program can still run on `newleaf.db`.
    pub oldest_reader: u32,
}

/// An app as it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledApp {
    /// Its version.
    pub version: Version,
    /// SHA-256 of its package.
    pub digest: Digest,
    /// What it may do.
    pub grants: Grants,
    /// Schema of its data.
    pub schema: u32,
    /// The lowest schema whose program can still run on its data.
    pub oldest_reader: u32,
    /// What it needs around it.
    pub needs: Needs,
}

/// What data a removed app left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptSchema {
    /// Its schema.
    pub schema: u32,
    /// The lowest schema whose program can still run on it.
    pub oldest_reader: u32,
}

/// What an app needs around it, by its manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// The cores it runs on; any where none is named.
    pub core: Option<VersionReq>,
    /// Other apps, by range.
    pub apps: BTreeMap<PackageName, VersionReq>,
}

impl Needs {
    /// What `manifest` says.
    pub fn of(manifest: &Manifest) -> Self {
        Self { core: manifest.core.clone(), apps: manifest.dependencies.clone() }
    }
}

/// What an admin set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The channel that each target follows; stable where none is set.
    #[serde(default)]
    pub channels: BTreeMap<Target, Channel>,
    /// Whether authors that no admin of the repository has claimed may be installed.
    #[serde(default)]
    pub fresh_authors: FreshAuthors,
    /// Versions that an admin refused: not offered, whatever else fits.
    #[serde(default)]
    pub skipped: BTreeMap<Target, BTreeSet<Version>>,
    /// How far each target is updated without anyone being asked; not at all where none is set.
    #[serde(default)]
    pub automatic: BTreeMap<Target, Automatic>,
}

/// Whether new authors' apps may be installed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FreshAuthors {
    /// They may.
    #[default]
    Accepted,
    /// Established authors only.
    Refused,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Core or the app.
    pub target: Target,
    /// Exactly this version; the newest possible where none is named.
    pub version: Option<Version>,
}
