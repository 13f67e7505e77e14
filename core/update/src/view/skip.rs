//! Versions that an admin said no to.

use newleaf_domain::{Target, Version};
use serde::{Deserialize, Serialize};

/// What is not offered of one target, though it would fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkipView {
    /// Core or the app.
    pub target: Target,
    /// The versions that were refused, oldest first.
    pub skipped: Vec<Version>,
}
