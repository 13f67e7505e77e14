//! How long clients are borne with, and how many.

use std::num::NonZeroUsize;

use serde::Deserialize;

use super::Seconds;
use super::seconds::at_least;

/// The bounds of connections and requests on the listeners.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Open connections of all public listeners together; the longest idle ones give way to new
    /// ones. None takes half of the descriptors this process may have, at most 16,384, which
    /// leaves the rest to the admin doors, the databases and the apps.
    pub public_connections: Option<NonZeroUsize>,
    /// From the first byte of a request's head to its last.
    #[serde(deserialize_with = "at_least::<_, 100>")]
    pub head_within: Seconds,
    /// How long a connection without a request stays open.
    #[serde(deserialize_with = "at_least::<_, 100>")]
    pub idle_within: Seconds,
    /// The fewest bytes a second that a request's body may come with, taken over `body_window` of
    /// waiting for it; 0 for none. The time in which nobody asks for the body does not count.
    pub body_rate: u64,
    /// See `body_rate`.
    pub body_window: Seconds,
    /// The longest wait for a request's body altogether, however fast it comes.
    #[serde(deserialize_with = "at_least::<_, 100>")]
    pub body_within: Seconds,
    /// How long a client may leave an answer unread before its connection is cut.
    #[serde(deserialize_with = "at_least::<_, 100>")]
    pub stall_within: Seconds,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            public_connections: None,
            head_within: Seconds::new(15),
            idle_within: Seconds::new(75),
            body_rate: 1024,
            body_window: Seconds::new(10),
            body_within: Seconds::new(600),
            stall_within: Seconds::new(30),
        }
    }
}
