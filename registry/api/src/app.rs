//! The list of apps that people and scripts read. Hosts do not: what is offered and installed comes
//! from signed roles alone.

use newleaf_domain::{ByteSize, Channel, Digest, PackageName, Timestamp, Version};
use serde::{Deserialize, Serialize};

/// Every app of the registry, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppList {
    /// The apps.
    pub apps: Vec<AppEntry>,
}

/// One app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppEntry {
    /// Its name.
    pub id: PackageName,
    /// The name people read.
    pub name: String,
    /// One sentence on what it is for.
    pub summary: String,
    /// Its releases, newest version first.
    pub releases: Vec<ReleaseEntry>,
}

/// One release of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseEntry {
    /// Its version.
    pub version: Version,
    /// How finished it is said to be.
    pub channel: Channel,
    /// The package's length.
    pub length: ByteSize,
    /// The package's digest.
    pub sha256: Digest,
    /// When it was published.
    pub published: Timestamp,
    /// Why it was yanked, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yanked: Option<String>,
}
