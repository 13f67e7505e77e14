//! What the last instances of an app took of memory, by which room is made for the next ones. Only
//! remembers; who is let in is decided elsewhere.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// How many instances are remembered.
const LAST: usize = 64;

/// Sizes are told apart in steps of a page of memory, so that most are the same.
const STEP: u64 = 64 * 1024;

/// Fewer than these say little of what the next one takes.
const FEW: usize = 8;

/// The sizes of the last instances of one app, in bytes.
#[derive(Debug)]
pub(crate) struct Sizes {
    last: Mutex<VecDeque<u64>>,
    usual: AtomicU64,
    largest: AtomicU64,
}

impl Default for Sizes {
    fn default() -> Self {
        let (usual, largest) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
        Self { last: Mutex::default(), usual, largest }
    }
}

impl Sizes {
    /// Notes what an instance took that has ended.
    pub(crate) fn note(&self, size: u64) {
        let size = size.checked_next_multiple_of(STEP).unwrap_or(u64::MAX);
        let mut last = self.last();
        last.push_back(size);
        let left = if last.len() > LAST { last.pop_front() } else { None };
        // Most apps' instances are of one size.
        if left != Some(size) {
            self.reckon(&last);
        }
    }

    /// Goes on from what the instances of another version took.
    pub(crate) fn follow(&self, other: &Self) {
        let before = other.last().clone();
        let mut last = self.last();
        let room = LAST.saturating_sub(last.len());
        for size in before.into_iter().rev().take(room) {
            last.push_front(size);
        }
        self.reckon(&last);
    }

    /// What nine of ten did not exceed; nothing where none is known.
    pub(crate) fn usual(&self) -> u64 {
        self.usual.load(Relaxed)
    }

    /// What none exceeded; without an end as long as few are known.
    pub(crate) fn largest(&self) -> u64 {
        self.largest.load(Relaxed)
    }

    fn reckon(&self, last: &VecDeque<u64>) {
        let mut sorted: Vec<u64> = last.iter().copied().collect();
        sorted.sort_unstable();
        let at = |place: usize| sorted.get(place).copied().unwrap_or_default();
        self.usual.store(at((sorted.len() * 9).div_ceil(10).saturating_sub(1)), Relaxed);
        let largest = sorted.last().copied().filter(|_| sorted.len() >= FEW);
        self.largest.store(largest.unwrap_or(u64::MAX), Relaxed);
    }

    fn last(&self) -> MutexGuard<'_, VecDeque<u64>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_many_is_not_usual_and_is_forgotten_with_time() {
        let sizes = Sizes::default();
        let note = |pages: u64| sizes.note(pages * STEP);
        assert_eq!((sizes.usual(), sizes.largest()), (0, u64::MAX));
        (0..7).for_each(|_| note(3));
        assert_eq!((sizes.usual(), sizes.largest()), (3 * STEP, u64::MAX), "seven say little");
        note(60);
        assert_eq!((sizes.usual(), sizes.largest()), (60 * STEP, 60 * STEP));
        (0..12).for_each(|_| note(3));
        assert_eq!((sizes.usual(), sizes.largest()), (3 * STEP, 60 * STEP));
        (0..LAST).for_each(|_| note(3));
        assert_eq!((sizes.usual(), sizes.largest()), (3 * STEP, 3 * STEP));
    }

    #[test]
    fn a_version_goes_on_from_what_the_one_before_took() {
        let (before, next) = (Sizes::default(), Sizes::default());
        (0..LAST).for_each(|_| before.note(30 * STEP));
        (0..9).for_each(|_| next.note(2 * STEP));
        next.follow(&before);
        assert_eq!((next.usual(), next.largest(), next.last().len()), (30 * STEP, 30 * STEP, LAST));
        (0..LAST - 9).for_each(|_| next.note(2 * STEP));
        assert_eq!(
            (next.usual(), next.largest()),
            (2 * STEP, 2 * STEP),
            "its own are the newer ones"
        );
    }
}
