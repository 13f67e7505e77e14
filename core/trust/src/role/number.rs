//! The two numbers of role files. Zero is neither a version nor a threshold (TUF 1.0.34 §4.3).

use std::num::{NonZeroU32, NonZeroU64};

use serde::{Deserialize, Serialize};

/// A role file's version: 1 and up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MetadataVersion(NonZeroU64);

impl MetadataVersion {
    /// The first version of every file.
    pub const FIRST: Self = Self(NonZeroU64::MIN);

    /// The version `number`; nothing for zero.
    pub fn new(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    /// The plain number.
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The version after this one; nothing after the last.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

impl std::fmt::Display for MetadataVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// How many distinct keys must sign: 1 and up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Threshold(NonZeroU32);

impl Threshold {
    /// One key is enough.
    pub const ONE: Self = Self(NonZeroU32::MIN);

    /// The threshold `number`; nothing for zero.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// The plain number.
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// Whether `distinct` keys are enough.
    pub fn is_met_by(self, distinct: usize) -> bool {
        u32::try_from(distinct).unwrap_or(u32::MAX) >= self.get()
    }
}

impl std::fmt::Display for Threshold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
