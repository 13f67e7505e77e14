//! What an admin may set about updates, and what the running product says of itself.

use std::time::Duration;

use newleaf_domain::{AbiVersion, AppAddresses, ByteSize, Edition, Platform, Version};
use newleaf_plan::Policy;

use crate::port::RehearsalWaits;

/// Waits and bounds of an update; each has a default that suits a small server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Channels, and which authors are accepted.
    pub policy: Policy,
    /// Whether the host looks for updates by itself.
    pub checks: Checks,
    /// How old the last look at the repository may be before a plan looks again.
    pub fresh_for: Duration,
    /// How long a download may stand still before it is given up; the part that came is kept.
    pub stall: Duration,
    /// How often a download is tried within one update; going on to a mirror is no new try.
    pub fetch_tries: u32,
    /// The wait before the second try, give or take a half; each later one is twice as long.
    pub retry_pause: Duration,
    /// The longest wait that a source may ask for within an update; where it asks for more, the
    /// update ends and says when to try again.
    pub patience: Duration,
    /// Bytes a second that downloads may take; none for as many as come.
    pub rate: Option<ByteSize>,
    /// How long the extension of the database may take, at the least: ten times what was measured
    /// in the rehearsal, where that is longer.
    pub expand_within: Duration,
    /// What a rehearsal of core that fails means.
    pub rehearsal: Rehearsal,
    /// How long the parts of a rehearsal of core may take.
    pub rehearsal_waits: RehearsalWaits,
    /// How long *Undo* of core is kept possible after an update.
    pub undo_for: Duration,
    /// Versions of core and of each app that stay on disk, those that serve or are gone back to
    /// among them.
    pub versions: usize,
    /// How many snapshots of core's data stay, and how long; the newest one always does.
    pub snapshots: SnapshotRule,
    /// How long the data of a removed app is set aside before it goes for good.
    pub removed_for: Duration,
    /// What a rehearsal of an app that fails means.
    pub app_rehearsal: Rehearsal,
    /// How long an app's visitors may be made to wait without having been told.
    pub pause_unannounced: Duration,
    /// The least that an app's switch may take, however short its rehearsal was; three times the
    /// rehearsed time, where that is longer.
    pub pause_least: Duration,
    /// What becomes of an app whose new version failed, where going back would lose what visitors
    /// wrote since the switch.
    pub on_data_loss: OnDataLoss,
    /// How long an app's running requests may take to end while new ones are held.
    pub drain_within: Duration,
    /// How long an app may migrate its data while its requests are held.
    pub migrate_within: Duration,
    /// How long an app's new version is watched after it took over.
    pub probation: Duration,
    /// The most that an app may ask to store; what was granted before stays.
    pub most_storage: ByteSize,
    /// What an app's new version may do wrong in its probation.
    pub budget: Budget,
    /// How an update is taken up again whose records the disk refused.
    pub mending: Mending,
    /// Where apps are served, as it is told to people.
    pub addresses: AppAddresses,
}

/// How long a disk that refuses is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mending {
    /// The pause before the first try; it doubles from one to the next.
    pub pause: Duration,
    /// The longest pause.
    pub most: Duration,
    /// How long the requests of an app stay held for it; then they are answered.
    pub held: Duration,
}

/// Whether the host looks for updates by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Checks {
    /// It does.
    #[default]
    On,
    /// It does not; whoever asks by hand is served all the same.
    Off,
}

/// Which snapshots of core's data stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotRule {
    /// At the most so many; at the least one.
    pub count: usize,
    /// Those that are no older.
    pub age: Duration,
}

/// What becomes of an app that cannot go back without losing what was written since its switch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnDataLoss {
    /// It stops, and a person chooses.
    #[default]
    Ask,
    /// The copy from before the update is put back, and what was lost is told.
    Restore,
}

/// What it means where a new version of core or of an app fails on a copy of the data, or where a
/// new core breaks apps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rehearsal {
    /// The update stops before anything changed.
    #[default]
    Required,
    /// The update says so and goes on.
    Warn,
    /// Nothing is rehearsed.
    Off,
}

/// How many faults a new version may show in its probation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Traps: the app broke off in the middle of a request.
    pub traps: u64,
    /// Answers of class 5xx, and requests that hang at the end.
    pub server_errors: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            checks: Checks::On,
            fresh_for: Duration::from_mins(5),
            stall: Duration::from_secs(30),
            fetch_tries: 5,
            retry_pause: Duration::from_secs(1),
            patience: Duration::from_mins(1),
            rate: None,
            expand_within: Duration::from_mins(1),
            rehearsal: Rehearsal::Required,
            rehearsal_waits: RehearsalWaits {
                expand: Duration::from_hours(1),
                ready: Duration::from_secs(30),
                probe: Duration::from_secs(10),
            },
            undo_for: Duration::from_hours(7 * 24),
            versions: 3,
            snapshots: SnapshotRule { count: 3, age: Duration::from_hours(30 * 24) },
            removed_for: Duration::from_hours(7 * 24),
            app_rehearsal: Rehearsal::Required,
            pause_unannounced: Duration::from_secs(20),
            pause_least: Duration::from_secs(10),
            on_data_loss: OnDataLoss::Ask,
            drain_within: Duration::from_secs(20),
            migrate_within: Duration::from_mins(10),
            probation: Duration::from_mins(1),
            most_storage: ByteSize::mib(1024),
            budget: Budget { traps: 3, server_errors: 10 },
            mending: Mending {
                pause: Duration::from_millis(250),
                most: Duration::from_secs(10),
                held: Duration::from_secs(5),
            },
            addresses: AppAddresses::default(),
        }
    }
}

/// The running product, as it names itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductFace {
    /// The name people read.
    pub name: String,
    /// The version of the running program.
    pub version: Version,
    /// Its edition.
    pub edition: Edition,
    /// What it was built for.
    pub platform: Platform,
    /// The contract it offers to apps.
    pub abi: AbiVersion,
    /// The schema its program writes.
    pub schema: u32,
}
