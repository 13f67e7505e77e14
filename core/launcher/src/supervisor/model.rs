//! What the launcher knows.

use std::collections::BTreeMap;
use std::time::Duration;

use newleaf_domain::UpdateId;

use super::Doubt;
use crate::journal::StepId;
use crate::proto::PROTOCOL;
use crate::state::{CoreSlot, State};

/// How long each thing may take and how often it is tried. One struct, so that a test can make
/// all of it short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Starts a new version is given.
    pub tries: u8,
    /// From a worker's start to its `Ready`.
    pub ready_within: Duration,
    /// One probe, from question to answer.
    pub probe_within: Duration,
    /// Between two probes in probation.
    pub probe_every: Duration,
    /// How long a new version must serve before it is good. A good one that exits sooner than this
    /// has exited quickly.
    pub probation: Duration,
    /// How long the good version must serve before its earlier exits are forgotten.
    pub steady_after: Duration,
    /// Between an answer of a serving worker and the next question whether it still works.
    pub pulse_every: Duration,
    /// How long a serving worker may leave that question open; it is asked three times in it.
    pub hang_within: Duration,
    /// The longest drain; what is left then is cut.
    pub drain_within: Duration,
    /// The child that extends the schema, from start to exit.
    pub expand_within: Duration,
    /// How long a starting launcher waits for an earlier one's workers.
    pub orphans_within: Duration,
    /// The first wait before a worker is started again; doubles up to `respawn_most`.
    pub respawn_least: Duration,
    /// The longest such wait.
    pub respawn_most: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            tries: crate::ask::TRIES,
            ready_within: Duration::from_secs(30),
            probe_within: Duration::from_secs(5),
            probe_every: Duration::from_secs(5),
            probation: Duration::from_mins(1),
            steady_after: Duration::from_mins(10),
            pulse_every: Duration::from_secs(5),
            hang_within: Duration::from_secs(30),
            drain_within: Duration::from_secs(30),
            expand_within: Duration::from_mins(1),
            orphans_within: Duration::from_secs(10),
            respawn_least: Duration::from_secs(1),
            respawn_most: Duration::from_mins(1),
        }
    }
}

/// Failed starts and quick exits in a row after which the recovery page takes the listeners.
pub(super) const RECOVERY_AFTER: u32 = 3;

/// Failed probes in a row after which a version in probation goes back. One may be a hiccup of a
/// busy machine.
pub(super) const STRIKES: u8 = 2;

/// Open questions after which a worker hangs. More than one, so that a machine that itself stood
/// still for a while (a paused virtual machine, say) is not taken for a worker that hangs.
pub(super) const QUESTIONS: u8 = 3;

/// Counts the workers this launcher has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub u64);

impl std::fmt::Display for WorkerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Which slot a worker runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The one that is good.
    Good,
    /// The one on trial.
    Trial,
    /// The one that is good, started beside itself while the one on trial is in doubt.
    Witness,
}

/// How far a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Started, not yet ready.
    Starting,
    /// Ready, being probed, not yet accepting.
    Probing,
    /// Told to go: it accepts and holds the baton.
    Serving,
    /// Told to finish.
    Draining,
}

/// Whether a version on trial has served as long as it is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    /// Not yet.
    Runs,
    /// It has; the next probe that it passes makes it good.
    IsOver,
}

/// How a worker speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speech {
    /// As this launcher knows it.
    Known,
    /// As a newer launcher would know it; that was told once.
    Newer,
}

/// How a worker answers whether it still works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// It cannot be asked: its version does not know the question.
    Unheard,
    /// The last question was answered.
    Heard,
    /// So many questions in a row are open.
    Missed(u8),
}

/// A process that runs core.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// What it runs.
    pub slot: CoreSlot,
    /// Good or on trial.
    pub which: Which,
    /// How far it is.
    pub stage: Stage,
    /// Failed probes in a row.
    pub strikes: u8,
    /// How far its probation is, where it is on trial.
    pub watch: Watch,
    /// Whether it speaks as this launcher knows it.
    pub speech: Speech,
    /// Whether it answers.
    pub beat: Beat,
}

/// All that the launcher knows and decides from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// `state` as last written.
    pub state: State,
    /// How long things may take.
    pub timing: Timing,
    /// The workers that have not exited.
    pub workers: BTreeMap<WorkerId, Worker>,
    /// The number of the next worker.
    pub next_worker: u64,
    /// Failed starts and unplanned exits of the good version since it last served steadily.
    pub failures: u32,
    /// Those of them that came quickly one after the other.
    pub quick: u32,
    /// Whether the recovery page has the listeners.
    pub recovery: bool,
    /// How often it has failed since a version served.
    pub page_failures: u32,
    /// The way back from a trial, while it waits for the good version to come up.
    pub going_back: Option<GoingBack>,
    /// The failure of a version on trial, until it is known whose fault it is.
    pub doubt: Option<Doubt>,
    /// The version that starts in the place of a good one that cannot, until it is up.
    pub stands_in: Option<StandIn>,
    /// The update for which the serving worker extends the schema.
    pub expanding: Option<UpdateId>,
    /// Whether the launcher was asked to end.
    pub stopping: bool,
    /// The protocol this launcher speaks.
    pub protocol: u32,
    /// The boot of the machine in which it runs, as the kernel names it.
    pub boot: String,
    /// Whether another launcher may take over.
    pub succession: Succession,
}

/// Whether the launcher of a version with a higher protocol may take over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Succession {
    /// It may.
    Open,
    /// It could not be started. It is not tried again before this launcher ends.
    Refused,
}

/// A roll back that waits for the good version to come up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoingBack {
    /// Why, for the history and the list of bad releases.
    pub reason: String,
    /// Whether the digest becomes bad.
    pub is_bad: bool,
}

/// The version before, in the place of a good one that cannot be started. It becomes good once it
/// is up, and not before: it may fail too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandIn {
    /// What is started.
    pub slot: CoreSlot,
    /// In the place of what, and why: `1.1.0, which is damaged`.
    pub instead_of: String,
}

impl Model {
    /// A launcher that has just read `state`.
    pub const fn new(state: State, timing: Timing) -> Self {
        Self {
            state,
            timing,
            workers: BTreeMap::new(),
            next_worker: 1,
            failures: 0,
            quick: 0,
            recovery: false,
            page_failures: 0,
            going_back: None,
            doubt: None,
            stands_in: None,
            expanding: None,
            stopping: false,
            protocol: PROTOCOL,
            boot: String::new(),
            succession: Succession::Open,
        }
    }

    /// The same of a launcher that speaks this protocol.
    #[must_use]
    pub const fn speaking(mut self, protocol: u32) -> Self {
        self.protocol = protocol;
        self
    }

    /// The same in this boot of the machine.
    #[must_use]
    pub fn in_boot(mut self, boot: String) -> Self {
        self.boot = boot;
        self
    }

    /// How long the extension of the data may take at this start: what its rehearsal has told,
    /// and never less than the settings say.
    pub fn expand_within(&self) -> Duration {
        let told = self.state.core.trial.as_ref().and_then(|trial| trial.expand_within_ms);
        self.timing.expand_within.max(Duration::from_millis(told.unwrap_or(0)))
    }

    /// The worker that holds the baton.
    pub fn serving(&self) -> Option<WorkerId> {
        self.find(|worker| worker.stage == Stage::Serving)
    }

    /// A worker of which `fits` is true.
    pub(super) fn find(&self, fits: impl Fn(&Worker) -> bool) -> Option<WorkerId> {
        self.workers.iter().find(|(_, worker)| fits(worker)).map(|(id, _)| *id)
    }

    /// The step of an update at which a worker on trial stands.
    pub(super) const fn step_of(stage: Stage) -> StepId {
        match stage {
            Stage::Starting => StepId::Activate,
            Stage::Probing => StepId::Probe,
            Stage::Serving | Stage::Draining => StepId::Commit,
        }
    }

    /// How long to wait before the good version is started again: not at all the first time.
    pub(super) fn backoff(&self) -> Duration {
        self.wait_after(self.failures)
    }

    /// The same after so many failures.
    pub(super) fn wait_after(&self, failures: u32) -> Duration {
        match failures.checked_sub(2) {
            None => Duration::ZERO,
            Some(doublings) => self
                .timing
                .respawn_least
                .saturating_mul(2_u32.saturating_pow(doublings))
                .min(self.timing.respawn_most),
        }
    }
}
