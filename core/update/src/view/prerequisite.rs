//! Prerequisites: measured, with a remedy.

use serde::{Deserialize, Serialize};

/// One thing that must hold before an update starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prerequisite {
    /// Which.
    pub id: PrerequisiteId,
    /// Whether it holds.
    pub standing: Standing,
    /// What was measured, with unit and both values: `212 MiB free in /srv/newleaf, 96 MiB needed`.
    pub measured: String,
    /// What mends it, where it does not hold: one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The command that mends it, ready to paste.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// The prerequisites there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrerequisiteId {
    /// Create, fsync, rename and delete in every directory an update writes.
    Write,
    /// Free space.
    Space,
    /// Free inodes.
    Inodes,
    /// The repository answers.
    Repository,
    /// The repository's signatures are in force.
    Signatures,
    /// The app fits this core.
    CoreRange,
    /// The app asks for no more storage than this host gives.
    Storage,
    /// All of the folder is on one local filesystem.
    Filesystem,
    /// The next start gets its ports.
    Ports,
    /// No other update runs.
    Busy,
}

impl PrerequisiteId {
    /// As people read it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Write => "Write permission",
            Self::Space => "Free space",
            Self::Inodes => "Free inodes",
            Self::Repository => "Repository reachable",
            Self::Signatures => "Signatures in force",
            Self::CoreRange => "Fits this core",
            Self::Storage => "Storage asked for",
            Self::Filesystem => "Local filesystem",
            Self::Ports => "Ports at the next start",
            Self::Busy => "No other update running",
        }
    }
}

/// Whether a prerequisite holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It holds.
    Pass,
    /// It holds, with something to read.
    Warn,
    /// It does not hold, and the update does not start.
    Block,
}
