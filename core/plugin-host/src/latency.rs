//! How long requests took, counted in classes, so that a percentile of millions costs some hundred
//! numbers. Each class is an eighth wider than the one before at most, so a percentile is right to
//! 12.5 %.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Classes between a power of two and the next.
const PARTS: u64 = 8;

/// All classes; the last holds whatever takes longer than some hours.
const CLASSES: usize = 256;

/// The requests in each class.
#[derive(Debug)]
pub(crate) struct Latency([AtomicU64; CLASSES]);

impl Default for Latency {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; CLASSES])
    }
}

impl Latency {
    /// Counts a request that took `time`.
    pub(crate) fn count(&self, time: Duration) {
        if let Some(class) = self.0.get(class(time)) {
            class.fetch_add(1, Relaxed);
        }
    }

    /// The time that `share` per mille of the requests did not exceed; none before the first.
    pub(crate) fn percentile(&self, share: u64) -> Option<Duration> {
        let counts: Vec<u64> = self.0.iter().map(|class| class.load(Relaxed)).collect();
        let all: u64 = counts.iter().sum();
        let wanted = (all * share).div_ceil(1_000).max(1);
        let mut passed = 0;
        let found = counts.iter().position(|count| {
            passed += count;
            passed >= wanted
        });
        found.map(longest)
    }
}

/// The class of a time; a longer time has the same or a later one.
pub(crate) fn class(time: Duration) -> usize {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let found = if micros < PARTS {
        micros
    } else {
        let octave = u64::from(micros.ilog2() - PARTS.ilog2());
        octave * PARTS + (micros >> octave)
    };
    usize::try_from(found).unwrap_or(CLASSES).min(CLASSES - 1)
}

/// The longest time of a class.
fn longest(class: usize) -> Duration {
    let class = class as u64;
    let micros = if class < 2 * PARTS {
        class
    } else {
        let octave = class / PARTS - 1;
        ((class - octave * PARTS + 1) << octave) - 1
    };
    Duration::from_micros(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_lies_in_the_class_that_ends_with_it_or_just_after() {
        for micros in (0..100_000).chain([1 << 20, (1 << 30) + 1, 1 << 33]) {
            let end = longest(class(Duration::from_micros(micros))).as_micros();
            let micros = u128::from(micros);
            assert!(end >= micros && end <= micros + micros / 8, "{micros} is told as {end}");
        }
    }

    #[test]
    fn percentiles_are_those_of_what_was_counted() {
        let latency = Latency::default();
        assert_eq!(latency.percentile(990), None);
        for _ in 0..990 {
            latency.count(Duration::from_micros(7));
        }
        for _ in 0..10 {
            latency.count(Duration::from_hours(100_000));
        }
        assert_eq!(latency.percentile(500), Some(Duration::from_micros(7)));
        assert_eq!(latency.percentile(990), Some(Duration::from_micros(7)));
        assert!(latency.percentile(999) > Some(Duration::from_hours(1)));
    }
}
