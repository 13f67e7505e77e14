//! The waits of a core update.

use serde::Deserialize;

use super::Seconds;

/// How long each part of a core update may take, and how often a new version is tried.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Core {
    /// Starts a new version has; each is counted before it is made.
    pub tries: u8,
    /// From the start of a worker to its READY.
    pub ready_within: Seconds,
    /// From the first question on the private socket to a good answer.
    pub probe_within: Seconds,
    /// How long a new version is watched after it took over.
    pub probation: Seconds,
    /// How long the old version may finish what is under way; then it is cut.
    pub drain_within: Seconds,
    /// How long a draining worker leaves an idle connection open, so that a request already on
    /// its way is still answered: longer than a client's round trip.
    pub linger: Seconds,
    /// How long the extension of the database may take.
    pub expand_within: Seconds,
}

impl Default for Core {
    fn default() -> Self {
        Self {
            tries: 2,
            ready_within: Seconds::new(30),
            probe_within: Seconds::new(10),
            probation: Seconds::new(60),
            drain_within: Seconds::new(30),
            linger: Seconds::new(2),
            expand_within: Seconds::new(60),
        }
    }
}
