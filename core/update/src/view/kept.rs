//! Data of apps that are not installed.

use newleaf_domain::{PackageName, Timestamp};
use serde::{Deserialize, Serialize};

/// What a removed app left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptData {
    /// The app.
    pub app: PackageName,
    /// Until when it is set aside; none where it is in place for a later install.
    pub until: Option<Timestamp>,
}
