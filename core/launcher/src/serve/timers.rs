//! The times the machine asked to be woken at, by the monotonic clock.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::supervisor::Timer;

/// Each timer once; setting it again moves it.
#[derive(Debug, Default)]
pub(super) struct Timers(BTreeMap<Timer, Instant>);

impl Timers {
    pub(super) fn set(&mut self, timer: Timer, after: Duration) {
        self.0.insert(timer, Instant::now() + after);
    }

    /// The next moment at which something is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.values().min().copied()
    }

    /// How long until a timer is due, where it is set.
    pub(super) fn left(&self, timer: Timer) -> Option<Duration> {
        self.0.get(&timer).map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Takes one timer that is due.
    pub(super) fn due(&mut self) -> Option<Timer> {
        let now = Instant::now();
        let timer = *self.0.iter().filter(|(_, at)| **at <= now).min_by_key(|(_, at)| **at)?.0;
        self.0.remove(&timer);
        Some(timer)
    }
}
