//! How clients are borne with: the waits of a connection.

use std::time::Duration;

use super::Ebb;
use crate::config::{Core, Http};

/// How long connections are kept, and how slow their clients may be.
#[derive(Debug, Clone, Copy)]
pub struct Manners {
    /// How long an HTTP/1.1 connection must be silent before a finishing worker closes it: longer
    /// than a client's round trip, so that no request is on its way. While another worker serves,
    /// it is closed only this long before it would be cut.
    pub linger: Duration,
    /// From the first byte of a request's head to its last.
    pub head_within: Duration,
    /// How long a connection without a request stays open.
    pub idle_within: Duration,
    /// How long an answer may stay unread.
    pub stall_within: Duration,
    /// How fast bodies must come.
    pub pace: Pace,
    /// What is borne once the last answer is sent.
    pub ebb: Ebb,
}

/// How fast a request's body must come. Only waiting for the client counts.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Bytes a second, taken over `window`.
    pub rate: u64,
    /// The span of waiting over which the rate is taken.
    pub window: Duration,
    /// The longest wait altogether.
    pub within: Duration,
}

impl Manners {
    /// As the settings say.
    pub fn of(http: &Http, core: &Core) -> Self {
        Self {
            linger: core.linger.duration(),
            head_within: http.head_within.duration(),
            idle_within: http.idle_within.duration(),
            stall_within: http.stall_within.duration(),
            pace: Pace {
                rate: http.body_rate,
                window: http.body_window.duration(),
                within: http.body_within.duration(),
            },
            ebb: Ebb::default(),
        }
    }
}

impl Default for Manners {
    fn default() -> Self {
        Self::of(&Http::default(), &Core::default())
    }
}
