//! The time that apps are told: the machine's, or in a test one that stands until it is moved. What an
//! app waits for (`monotonic-clock.subscribe-duration`, `wait-for`) passes in the machine's time either
//! way, as does SQLite's `'now'`.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtxBuilder};

/// What tells an app the time.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The machine.
    #[default]
    System,
    /// Whoever set it.
    Set(SetClock),
}

impl Clock {
    /// Makes it the clock of an instance.
    pub(crate) fn tells(&self, wasi: &mut WasiCtxBuilder) {
        if let Self::Set(clock) = self {
            wasi.wall_clock(clock.clone()).monotonic_clock(clock.clone());
        }
    }
}

/// A time that stands until it is moved on. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct SetClock(Arc<Hands>);

#[derive(Debug)]
struct Hands {
    /// Since 1970-01-01 00:00 UTC; none before.
    began: Duration,
    /// Nanoseconds that it was moved on since.
    passed: AtomicU64,
}

impl SetClock {
    /// Stands at `time`; one before 1970 is 1970, since WASI 0.2 has none earlier.
    #[must_use]
    pub fn at(time: SystemTime) -> Self {
        let began = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(Arc::new(Hands { began, passed: AtomicU64::new(0) }))
    }

    /// Moves it on; 584 years in all at the most.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        let add = |passed: u64| Some(passed.saturating_add(by));
        // Only a closure that gives none makes this fail.
        let _moved = self.0.passed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    fn passed(&self) -> u64 {
        self.0.passed.load(Ordering::Relaxed)
    }
}

impl HostWallClock for SetClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        self.0.began.saturating_add(Duration::from_nanos(self.passed()))
    }
}

impl HostMonotonicClock for SetClock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        self.passed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_stands_until_it_is_moved_on() {
        let clock = SetClock::at(UNIX_EPOCH + Duration::from_secs(100));
        let same = clock.clone();
        assert_eq!(HostWallClock::now(&clock), Duration::from_secs(100));
        same.advance(Duration::from_secs(2));
        assert_eq!(HostWallClock::now(&clock), Duration::from_secs(102));
        assert_eq!(HostMonotonicClock::now(&clock), 2_000_000_000);
        clock.advance(Duration::MAX);
        assert_eq!(HostMonotonicClock::now(&clock), u64::MAX);
    }

    #[test]
    fn no_time_is_before_1970() {
        let clock = SetClock::at(UNIX_EPOCH - Duration::from_secs(1));
        assert_eq!(HostWallClock::now(&clock), Duration::ZERO);
    }
}
