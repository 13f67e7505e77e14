//! The machine's clock. The only module that reads it; everything else is given a [`Clock`].

use std::time::{SystemTime, UNIX_EPOCH};

use newleaf_domain::{Clock, Timestamp};

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Timestamp::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX))
    }
}
