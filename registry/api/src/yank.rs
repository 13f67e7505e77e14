//! Yanking: a warning that stops new installs and leaves running apps alone.

use newleaf_domain::{PackageName, Version};
use serde::{Deserialize, Serialize};

/// The request to yank a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Yank {
    /// Why, in a sentence that admins read; 1 to 300 characters.
    pub reason: String,
}

/// The answer (201) once hosts can see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Yanked {
    /// The app.
    pub app: PackageName,
    /// The release's version.
    pub version: Version,
    /// Why.
    pub reason: String,
}
