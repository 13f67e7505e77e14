//! A report: all events of one update folded for whoever looks late.

use newleaf_domain::{PlanId, Target, Timestamp, UpdateId, Version};
use newleaf_launcher::journal::{Cause, Ending, Failure, Outcome, StepId, Undoable};
use newleaf_launcher::state::Way;
use serde::{Deserialize, Serialize};

use crate::explain::ExitClass;

/// One update as it stands, folded from its journal records and live progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Which update.
    pub id: UpdateId,
    /// What is updated.
    pub target: Target,
    /// The version before.
    pub from: Option<Version>,
    /// The version to come.
    pub to: Version,
    /// The plan it carries out, or a part of.
    pub plan: PlanId,
    /// Forward, or back.
    pub way: Way,
    /// Who asked.
    pub by: String,
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How it ended; none while it runs.
    pub ending: Option<Ending>,
    /// Why, where it did not simply succeed.
    pub reason: Option<String>,
    /// Each step of this kind of update, in order; `rollback` only where it ran.
    pub steps: Vec<StepReport>,
    /// The newest journal record that is folded in; the event id to resume from.
    pub seq: u64,
    /// Why it stands still at this moment: the disk refused its records. None where it goes on, and
    /// once it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interrupted: Option<String>,
}

/// One step as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepReport {
    /// Which.
    pub step: StepId,
    /// How it stands.
    pub standing: StepStanding,
    /// Live progress, while it runs and where it can be counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// When it was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Timestamp>,
    /// What can still be said while it runs.
    pub undoable: Undoable,
}

impl StepReport {
    /// One that has not begun.
    #[must_use]
    pub fn waiting(step: StepId) -> Self {
        Self {
            step,
            standing: StepStanding::Waiting,
            progress: None,
            started: None,
            finished: None,
            undoable: step.undoable(),
        }
    }
}

/// How a step stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub enum StepStanding {
    /// Not yet.
    Waiting,
    /// Under way.
    Running,
    /// Over.
    Over {
        /// How.
        outcome: Outcome,
    },
    /// Failed.
    Failed {
        /// What and why.
        failure: Failure,
    },
}

/// How far a step is. May run backwards where a download starts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Done so far.
    pub current: u64,
    /// Of how much, where that is known.
    pub total: Option<u64>,
    /// What is counted.
    pub unit: Unit,
}

/// What progress counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Rows of a table.
    Rows,
    /// Seconds of probation.
    Seconds,
}

impl Report {
    /// The failure that ended it, with its step.
    pub fn failure(&self) -> Option<(StepId, &Failure)> {
        self.steps.iter().find_map(|row| match &row.standing {
            StepStanding::Failed { failure } => Some((row.step, failure)),
            StepStanding::Waiting | StepStanding::Running | StepStanding::Over { .. } => None,
        })
    }

    /// Whether it failed and its way back failed too, such as where data would have been lost.
    pub fn way_back_failed(&self) -> bool {
        self.steps.iter().any(|row| {
            row.step == StepId::Rollback && matches!(row.standing, StepStanding::Failed { .. })
        })
    }

    /// The step that runs.
    pub fn running_step(&self) -> Option<StepId> {
        self.steps.iter().find(|row| row.standing == StepStanding::Running).map(|row| row.step)
    }

    /// The kind of failure it ended with, whose number is the exit code; none while it runs and
    /// where it succeeded.
    pub fn exit_class(&self) -> Option<ExitClass> {
        match self.ending? {
            Ending::Committed | Ending::Deferred => None,
            Ending::RolledBack => Some(ExitClass::RolledBack),
            Ending::Failed | Ending::Undone => Some(match self.failure() {
                Some((StepId::Check, _)) => ExitClass::Blocked,
                // A disk that could not be read says nothing about what was signed.
                Some((StepId::Verify, failure)) if failure.cause != Cause::Machine => {
                    ExitClass::Trust
                }
                Some(_) | None => ExitClass::Failed,
            }),
        }
    }
}
