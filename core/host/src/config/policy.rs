//! What an admin decided about releases.

use std::collections::{BTreeMap, BTreeSet};

use newleaf_domain::{Channel, Target, Version};
use newleaf_plan::Automatic;
use newleaf_plan::request::{FreshAuthors, Policy};
use serde::Deserialize;

/// Channels, refused versions, what is updated by itself, and which authors are accepted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicySettings {
    /// The channel that each target follows; stable where none is named.
    pub channels: BTreeMap<Target, Channel>,
    /// The versions of each target that an admin refused; they are not offered.
    pub skipped: BTreeMap<Target, BTreeSet<Version>>,
    /// How far each target is updated without anyone being asked; not at all where none is named.
    pub automatic: BTreeMap<Target, Automatic>,
    /// Whether apps of authors that no admin of the repository has claimed may be installed.
    pub fresh_authors: FreshAuthors,
    /// Whether a program at `<prefix>` that is of no known signed release is tried.
    pub unknown_core: Admission,
    /// Whether a program at `<prefix>` that is older than what serves is tried.
    pub older_core: Admission,
}

/// Whether a program that a person put at `<prefix>` is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Admission {
    /// It is, like any update: what fails is taken back.
    Tried,
    /// What serves goes on serving, and the reason is told.
    Refused,
}

impl Default for PolicySettings {
    /// Whoever can replace the program can run any; but an older one may be no choice at all: a
    /// machine's image that was built before the host updated itself.
    fn default() -> Self {
        Self {
            channels: BTreeMap::new(),
            skipped: BTreeMap::new(),
            automatic: BTreeMap::new(),
            fresh_authors: FreshAuthors::default(),
            unknown_core: Admission::Tried,
            older_core: Admission::Refused,
        }
    }
}

impl PolicySettings {
    /// As the planner takes it.
    pub fn policy(&self) -> Policy {
        Policy {
            channels: self.channels.clone(),
            fresh_authors: self.fresh_authors,
            skipped: self.skipped.clone(),
            automatic: self.automatic.clone(),
        }
    }
}
