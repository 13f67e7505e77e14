//! What an admin decided about releases.

use std::collections::BTreeMap;

use newleaf_domain::{Channel, Target};
use newleaf_plan::request::{FreshAuthors, Policy};
use serde::Deserialize;

/// Channels, and which authors are accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicySettings {
    /// The channel that each target follows; stable where none is named.
    pub channels: BTreeMap<Target, Channel>,
    /// Whether apps of authors that no admin of the repository has claimed may be installed.
    pub fresh_authors: FreshAuthors,
}

impl PolicySettings {
    /// As the planner takes it.
    pub fn policy(&self) -> Policy {
        Policy { channels: self.channels.clone(), fresh_authors: self.fresh_authors }
    }
}
