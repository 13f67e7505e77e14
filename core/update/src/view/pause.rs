//! The time in which an app serves nobody while it is updated.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a rehearsal lets one expect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Milliseconds: the copy of the data, its migration, the version's health.
    pub expected_ms: u64,
    /// Why visitors are told beforehand (503 and `Retry-After`), which wants a yes; none where
    /// their requests just wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced: Option<String>,
}

impl Pause {
    /// `less than 1 s`, `about 12 s`, `about 4 min`.
    pub fn expected(&self) -> String {
        crate::pause::spoken(Duration::from_millis(self.expected_ms))
    }

    /// One sentence for whoever is to say yes.
    pub fn sentence(&self) -> String {
        match &self.announced {
            None => {
                format!(
                    "pause {}: requests wait meanwhile and none fails, but what the app works on for \
                     longer than a drain may take",
                    self.expected()
                )
            }
            Some(why) => format!(
                "pause {}: visitors are told to come again (503 with Retry-After), since {why}",
                self.expected()
            ),
        }
    }
}
