//! The waits of a core update.

use std::num::NonZeroU8;

use newleaf_update::Rehearsal;
use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer};

use super::Seconds;
use super::seconds::at_least;

/// A second start may succeed where the first met a machine that was busy; a third learns nothing.
const TRIES: NonZeroU8 = NonZeroU8::MIN.saturating_add(1);

const DAY: u64 = 24 * 60 * 60;

/// How long each part of a core update may take, and how often a new version is tried.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Core {
    /// Starts a new version has, 1 to 255; each is counted before it is made.
    #[serde(deserialize_with = "at_least_one")]
    pub tries: NonZeroU8,
    /// From the start of a worker to its READY.
    #[serde(deserialize_with = "at_least::<_, 100>")]
    pub ready_within: Seconds,
    /// From the first question on the private socket to a good answer.
    #[serde(deserialize_with = "at_least::<_, 100>")]
    pub probe_within: Seconds,
    /// How long a new version is watched after it took over.
    pub probation: Seconds,
    /// How long the old version may finish what is under way; then it is cut.
    pub drain_within: Seconds,
    /// How long an HTTP/1.1 connection must have been silent before a worker that finishes closes
    /// it, so that a request already on its way is still answered: longer than a client's round
    /// trip. Where another version serves already, public ones are closed only this long before the
    /// end of `drain_within`.
    pub linger: Seconds,
    /// How long a serving version may give no sign of life; then it is ended and started again.
    #[serde(deserialize_with = "at_least::<_, 1000>")]
    pub hang_within: Seconds,
    /// How long the extension of the database may take, at the least: ten times what its rehearsal
    /// took, where that is longer.
    #[serde(deserialize_with = "at_least::<_, 100>")]
    pub expand_within: Seconds,
    /// What it means where a new version fails on a copy of the data, or breaks apps.
    pub rehearsal: Rehearsal,
    /// How long *Undo* is kept possible after an update.
    pub undo_for: Seconds,
    /// Versions of core and of each app that stay on disk, 2 or more.
    #[serde(deserialize_with = "two_or_more")]
    pub versions: u16,
    /// Snapshots of the data that stay, 1 or more.
    pub snapshots: NonZeroU8,
    /// How long they stay; the newest one always does.
    pub snapshots_for: Seconds,
}

impl Default for Core {
    fn default() -> Self {
        Self {
            tries: TRIES,
            ready_within: Seconds::new(30),
            probe_within: Seconds::new(10),
            probation: Seconds::new(60),
            drain_within: Seconds::new(30),
            linger: Seconds::new(2),
            hang_within: Seconds::new(30),
            expand_within: Seconds::new(60),
            rehearsal: Rehearsal::Required,
            undo_for: Seconds::new(7 * DAY),
            versions: 3,
            snapshots: NonZeroU8::MIN.saturating_add(2),
            snapshots_for: Seconds::new(30 * DAY),
        }
    }
}

/// A version that is never started could never prove itself.
fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NonZeroU8, D::Error> {
    let number = u8::deserialize(deserializer)?;
    let refused = || D::Error::invalid_value(Unexpected::Unsigned(number.into()), &"1 to 255");
    NonZeroU8::new(number).ok_or_else(refused)
}

/// The one that serves, and the one that is gone back to.
fn two_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let number = u16::deserialize(deserializer)?;
    let refused = || D::Error::invalid_value(Unexpected::Unsigned(number.into()), &"2 or more");
    if number < 2 { Err(refused()) } else { Ok(number) }
}
