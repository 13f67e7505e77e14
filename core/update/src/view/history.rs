//! History: one line for each update that ended.

use newleaf_domain::{Target, Timestamp, UpdateId, Version};
use newleaf_launcher::journal::Ending;
use newleaf_launcher::state::Way;
use serde::{Deserialize, Serialize};

/// One update of the past, or the one that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Which update.
    pub id: UpdateId,
    /// What was updated.
    #[serde(flatten)]
    pub target: HistoryTarget,
    /// Who asked.
    pub by: String,
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How; none while it runs.
    pub ending: Option<Ending>,
    /// Why, where it did not simply succeed.
    pub reason: Option<String>,
}

/// What an update of the past was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryTarget {
    /// Core or the app.
    pub target: Target,
    /// The version before.
    pub from: Option<Version>,
    /// The version after.
    pub to: Version,
    /// Forward, or back.
    pub way: Way,
}
