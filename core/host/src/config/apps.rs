//! The waits and bounds of apps.

use serde::Deserialize;

use super::Seconds;

/// How long each part of an app update may take, and how many requests wait for it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Apps {
    /// How long a new version is watched after it took over.
    pub probation: Seconds,
    /// How long running requests may take to end while new ones are held.
    pub drain_within: Seconds,
    /// How long clients may take, in that time, to send or to read what is under way; then their
    /// requests are cut short with 408. At most half of `drain_within` counts.
    pub client_within: Seconds,
    /// Requests of one app that are held at a time; the next one gets 503 and `Retry-After`.
    pub hold_cap: usize,
}

impl Default for Apps {
    fn default() -> Self {
        Self {
            probation: Seconds::new(60),
            drain_within: Seconds::new(20),
            client_within: Seconds::new(5),
            hold_cap: 4096,
        }
    }
}
