//! The target `meta/catalogue/0.json`: what there is to browse. For showing only; a host resolves
//! again from the author's own role before it installs anything.

use newleaf_domain::{Channel, PackageName, Version};
use serde::{Deserialize, Serialize};

/// The catalogue's target path; later shards count up from 0.
pub const CATALOGUE_PATH: &str = "meta/catalogue/0.json";

/// The content of one shard.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue {
    /// The apps, sorted by name.
    pub apps: Vec<CatalogueApp>,
}

/// One app, as its newest release describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueApp {
    /// Its name, `<ns>/<app>`.
    pub id: PackageName,
    /// The name people read.
    pub name: String,
    /// One sentence on what it is for.
    pub summary: String,
    /// The newest version: of the stable channel where that has one, else of any.
    pub version: Version,
    /// That version's channel.
    pub channel: Channel,
    /// The target path of the icon, where the release has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
}
