//! Every version of core or of one app, with what a choice needs.

use newleaf_domain::{Channel, Target, Version};
use newleaf_plan::Candidate;
use serde::{Deserialize, Serialize};

use super::Freshness;

/// What the repository lists of one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleasesView {
    /// Core or the app.
    pub target: Target,
    /// The version that runs; none where it is not installed.
    pub version: Option<Version>,
    /// The channel it follows.
    pub channel: Channel,
    /// Each release, newest first.
    pub releases: Vec<ReleaseRow>,
    /// Why nothing can be learnt of them, where that is so.
    pub blocked: Option<String>,
    /// How fresh that is.
    pub freshness: Freshness,
}

/// One release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRow {
    /// What was looked at, with its verdict.
    #[serde(flatten)]
    pub candidate: Candidate,
    /// What its changelog says of this version (Markdown), verified like any target; none where it
    /// has none or it could not be read just now.
    pub notes: Option<String>,
}
