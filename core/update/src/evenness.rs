//! Whether the clock is to be believed where something would be gone for good: only once it has
//! gone with the time that really passed for a while. A date that is only shown needs none of this.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use newleaf_domain::Timestamp;

use crate::Updater;

/// By how much a clock may be set without having jumped: more than it is put right by in the
/// ordinary way, and nothing beside the days after which something goes.
const TOLERANCE: Duration = Duration::from_mins(5);

/// How long it must have gone evenly since the host's start or its last jump: a wrong clock is set
/// right within minutes where the machine has a network, and by its admin within a day.
const A_WHILE: Duration = Duration::from_hours(24);

/// Since when the clock has gone evenly.
#[derive(Debug)]
pub(crate) struct Evenness(Mutex<Reading>);

/// The clock, and the time that had passed then.
#[derive(Debug, Clone, Copy)]
struct Reading {
    clock: Timestamp,
    passed: Duration,
}

impl Evenness {
    /// Nothing is known of the clock before this moment.
    pub(crate) const fn since(clock: Timestamp, passed: Duration) -> Self {
        Self(Mutex::new(Reading { clock, passed }))
    }

    /// For how long it has gone evenly.
    fn look(&self, clock: Timestamp, passed: Duration) -> Duration {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let evenly = passed.saturating_sub(since.passed);
        let should_be = i64::try_from(evenly.as_secs()).unwrap_or(i64::MAX);
        let by = clock.seconds_since(since.clock).abs_diff(should_be);
        if by > TOLERANCE.as_secs() {
            *since = Reading { clock, passed };
            return Duration::ZERO;
        }
        evenly
    }
}

impl Updater {
    /// How much longer nothing that was kept for `term` may be taken for due, whatever the clock
    /// says; zero where it is to be believed.
    pub(crate) fn doubted_for(&self, term: Duration) -> Duration {
        let (now, passed) = (self.ports().clock.now(), self.ports().ground.passed());
        A_WHILE.min(term).saturating_sub(self.evenness().look(now, passed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_has_gone_evenly_only_since_then() {
        let (start, hour) = (Timestamp::from_unix(1_800_000_000), Duration::from_hours(1));
        let evenness = Evenness::since(start, hour);
        let at =
            |clock: i64, passed: u32| evenness.look(start.plus_seconds(clock), hour * (passed + 1));
        assert_eq!(at(3600, 1), hour);
        assert_eq!(at(2 * 3600 + 299, 2), 2 * hour, "it was put right by less than a jump");
        assert_eq!(at(30 * 86_400, 3), Duration::ZERO, "forwards");
        assert_eq!(at(30 * 86_400 + 3600, 4), hour);
        assert_eq!(at(5 * 3600, 5), Duration::ZERO, "and back");
        assert_eq!(at(6 * 3600, 6), hour);
    }
}
