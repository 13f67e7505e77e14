//! Chance that can be had again: every choice of a test comes from one number, which is printed.

use std::time::{SystemTime, UNIX_EPOCH};

/// Names the number to choose by; without it each run chooses anew.
pub const SEED: &str = "NEWLEAF_SEED";

/// A source of choices (the generator `SplitMix64`).
#[derive(Debug, Clone)]
pub struct Seed {
    began_with: u64,
    next: u64,
}

impl Seed {
    /// The number in [`SEED`], or one of the clock.
    pub fn of_this_run() -> Self {
        let given = std::env::var(SEED).ok().and_then(|text| text.parse().ok());
        Self::new(given.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            now.as_secs() % 1_000_000
        }))
    }

    /// Choices by this number.
    pub const fn new(number: u64) -> Self {
        Self { began_with: number, next: number }
    }

    /// What to set to have the same choices again.
    pub fn told(&self) -> String {
        format!("{SEED}={}", self.began_with)
    }

    /// The next number, any of 64 bits.
    pub const fn draw(&mut self) -> u64 {
        self.next = self.next.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.next ^ (self.next >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.draw() % end).unwrap_or(0)
    }

    /// `count` of `all`, in their order; all of them where there are no more.
    pub fn some_of<T>(&mut self, mut all: Vec<T>, count: usize) -> Vec<T> {
        while all.len() > count {
            let out = self.below(all.len());
            drop(all.remove(out));
        }
        all
    }
}
