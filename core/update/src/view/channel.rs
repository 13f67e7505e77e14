//! The channel of one target.

use newleaf_domain::{Channel, Target};
use serde::{Deserialize, Serialize};

/// Which channel is followed, and what that means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelView {
    /// Core or the app.
    pub target: Target,
    /// What it follows.
    pub channel: Channel,
    /// What must be understood of the channel; none for stable.
    pub warning: Option<String>,
    /// What is said where the version that runs is less finished than the channel.
    pub stays: Option<String>,
}
