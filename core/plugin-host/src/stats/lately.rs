//! How an app served its visitors in its last minutes, so that the next version can be compared with
//! it. Knows nothing of who asked for what, and judges nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::latency::class;

/// What is remembered: the last one to two of these.
const SPAN: Duration = Duration::from_mins(5);

/// Whoever waits no longer for an answer is not asked about.
const SLOW: Duration = Duration::from_secs(1);

/// How an app served its visitors in the last five to ten minutes in which any came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lately {
    asked: u64,
    refused: u64,
    /// Requests that waited for an answer for longer than a second, by the class of the time.
    slow: BTreeMap<usize, u64>,
}

impl Lately {
    /// Requests that were answered, cut or turned away.
    pub fn asked(&self) -> u64 {
        self.asked
    }

    /// Those that were turned away, since the app had too much to do.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Those that waited for an answer for about `patience` (to an eighth) or longer.
    pub fn waited(&self, patience: Duration) -> u64 {
        self.slow.range(class(patience)..).map(|(_, count)| count).sum()
    }

    fn add(&mut self, other: &Self) {
        self.asked += other.asked;
        self.refused += other.refused;
        for (class, count) in &other.slow {
            *self.slow.entry(*class).or_default() += count;
        }
    }
}

/// Counts for [`Lately`].
#[derive(Debug, Default)]
pub(super) struct Recorder(Mutex<Spans>);

#[derive(Debug, Default)]
struct Spans {
    /// When `now` began; none before the first request.
    began: Option<Instant>,
    now: Lately,
    before: Lately,
}

impl Recorder {
    /// Notes a request that waited so long until its answer began, or it was cut.
    pub(super) fn waited(&self, time: Duration) {
        self.note(|lately| {
            if time > SLOW {
                *lately.slow.entry(class(time)).or_default() += 1;
            }
        });
    }

    /// Notes a request that was turned away.
    pub(super) fn refused(&self) {
        self.note(|lately| lately.refused += 1);
    }

    fn note(&self, change: impl FnOnce(&mut Lately)) {
        let mut spans = self.lock();
        spans.turn(Instant::now());
        spans.now.asked += 1;
        change(&mut spans.now);
    }

    /// Forgets everything so far.
    pub(super) fn begin_anew(&self) {
        *self.lock() = Spans::default();
    }

    /// What is remembered.
    pub(super) fn read(&self) -> Lately {
        let spans = self.lock();
        let mut all = spans.before.clone();
        all.add(&spans.now);
        all
    }

    fn lock(&self) -> MutexGuard<'_, Spans> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spans {
    fn turn(&mut self, at: Instant) {
        let began = *self.began.get_or_insert(at);
        let age = at.saturating_duration_since(began);
        if age < SPAN {
            return;
        }
        let last = std::mem::take(&mut self.now);
        self.before = if age < SPAN * 2 { last } else { Lately::default() };
        self.began = Some(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waited_about_as_long_as_is_asked_for_or_longer_is_counted() {
        let recorder = Recorder::default();
        for seconds in [0, 1, 2, 29, 31, 55] {
            recorder.waited(Duration::from_secs(seconds));
        }
        recorder.refused();
        let lately = recorder.read();
        assert_eq!((lately.asked(), lately.refused()), (7, 1));
        let waited = |seconds| lately.waited(Duration::from_secs(seconds));
        assert_eq!([waited(2), waited(20), waited(40), waited(60)], [4, 3, 1, 0]);
    }

    #[test]
    fn the_last_five_to_ten_minutes_are_remembered() {
        let mut spans = Spans::default();
        let start = Instant::now();
        let mut seen = Vec::new();
        for seconds in [0, 290, 310, 590, 620, 3_600] {
            spans.turn(start + Duration::from_secs(seconds));
            spans.now.asked += 1;
            seen.push(spans.now.asked + spans.before.asked);
        }
        assert_eq!(seen, [1, 2, 3, 4, 3, 1]);
    }
}
