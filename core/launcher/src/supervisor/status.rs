//! What a service manager is told of a host, in one sentence.

use super::{Model, Stage, Which};
use crate::state::CorePhase;

/// Where a host stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Nothing answers yet, or nothing answers any more.
    Starting(String),
    /// A version, or the recovery page, answers.
    Ready(String),
    /// It was told to end.
    Stopping(String),
}

impl Status {
    /// The sentence.
    pub fn text(&self) -> &str {
        let (Self::Starting(text) | Self::Ready(text) | Self::Stopping(text)) = self;
        text
    }

    /// The same, with something else that a person must know.
    #[must_use]
    pub fn and(self, more: &str) -> Self {
        match self {
            Self::Starting(text) => Self::Starting(format!("{text}; {more}")),
            Self::Ready(text) => Self::Ready(format!("{text}; {more}")),
            Self::Stopping(text) => Self::Stopping(format!("{text}; {more}")),
        }
    }
}

impl Model {
    /// Where the host stands.
    pub fn status(&self) -> Status {
        if self.stopping {
            let left = self.workers.len();
            return Status::Stopping(format!("{left} workers finish what is under way"));
        }
        if self.recovery {
            let good = &self.state.core.good.version;
            return Status::Ready(format!("{good} cannot be started: the recovery page says why"));
        }
        match self.serving().and_then(|id| self.workers.get(&id)) {
            Some(worker) => {
                let (version, also) = (&worker.slot.version, self.also(worker.which));
                Status::Ready(format!("{version} serves{also}"))
            }
            None => Status::Starting(self.starting()),
        }
    }

    /// What goes on beside the worker that serves.
    fn also(&self, which: Which) -> String {
        let core = &self.state.core;
        let trial = core.trial.as_ref().map(|trial| &trial.slot.version);
        match (core.phase, trial) {
            (CorePhase::Probation, _) if which == Which::Trial => " and is watched".to_owned(),
            (CorePhase::Trial | CorePhase::Probation, Some(trial)) => {
                format!("; {trial} is on trial")
            }
            (CorePhase::Expand, Some(trial)) => {
                format!("; the database is extended for {trial}")
            }
            (CorePhase::Expand, None) => "; the database is extended".to_owned(),
            (CorePhase::Idle, _) | (CorePhase::Trial | CorePhase::Probation, None) => String::new(),
        }
    }

    fn starting(&self) -> String {
        let starts =
            |worker: &&super::Worker| matches!(worker.stage, Stage::Starting | Stage::Probing);
        match self.workers.values().find(starts) {
            Some(worker) => format!("{} starts", worker.slot.version),
            None => format!("{} is started again soon", self.state.core.good.version),
        }
    }
}
