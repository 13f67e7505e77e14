//! The records of the journal. Their meaning never changes; newer writers add new kinds.

use newleaf_domain::{Digest, PlanId, Target, Timestamp, UpdateId, Version};
use serde::{Deserialize, Serialize};

use super::StepId;
use crate::state::Way;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Counts from 1 without a gap; also the id of the event that viewers get.
    pub seq: u64,
    /// When it was written, by this machine's clock.
    pub at: Timestamp,
    /// The update it belongs to; none for notices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<UpdateId>,
    /// What it says.
    #[serde(flatten)]
    pub entry: Entry,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Entry {
    /// An update begins.
    Began {
        /// What is updated.
        target: Target,
        /// The version before; none at a first install.
        from: Option<Version>,
        /// The version to come.
        to: Version,
        /// SHA-256 of its signed zip.
        digest: Digest,
        /// The plan that was approved.
        plan: PlanId,
        /// Forward, or back to the version before.
        way: Way,
        /// Who asked: an account's name, `cli:<user>`, `recovery`, or `manual:<path>` of the
        /// program that a person put there.
        by: String,
    },
    /// A step is about to run.
    Started {
        /// The step.
        step: StepId,
    },
    /// A step has run.
    Finished {
        /// The step.
        step: StepId,
        /// How.
        outcome: Outcome,
    },
    /// A step failed; `rollback` or `ended` follows.
    Failed {
        /// The step.
        step: StepId,
        /// What and why.
        failure: Failure,
    },
    /// The update is over. Exactly one for each `began`.
    Ended {
        /// How.
        ending: Ending,
        /// Why, where it did not simply succeed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Something worth telling that belongs to no step, such as a worker's unplanned exit.
    Notice {
        /// One line.
        text: String,
    },
    /// A kind this version does not know.
    #[serde(other)]
    Unknown,
}

/// How a step ended that did not fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub enum Outcome {
    /// As planned.
    Done {
        /// What was measured or made, such as `4.1 MiB in 2 s`; may be empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        detail: String,
    },
    /// Not run, and why that is right.
    Skipped {
        /// Why.
        why: String,
    },
    /// Run, with something a person should read.
    Warned {
        /// What.
        why: String,
    },
}

/// A failure in three of its four lines; the fourth, the state now, is known when it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What failed, with both values.
    pub what: String,
    /// What was done about it.
    pub done: String,
    /// What to do, with the command where there is one.
    pub todo: String,
    /// What it says something about.
    #[serde(default, skip_serializing_if = "Cause::is_unsaid")]
    pub cause: Cause,
}

/// What a failure says something about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The release: evidence against it.
    Release,
    /// What was delivered is not what was signed: evidence against the way here, not the release.
    Delivery,
    /// The machine, or a person: no evidence against anything that came from outside.
    Machine,
    /// Not said, or in a word this version does not know.
    #[default]
    #[serde(other)]
    Unsaid,
}

impl Cause {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form serde asks for")]
    const fn is_unsaid(&self) -> bool {
        matches!(self, Self::Unsaid)
    }
}

/// How an update ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The new version is good.
    Committed,
    /// It failed before anything changed.
    Failed,
    /// It was stopped or interrupted before anything changed.
    Undone,
    /// Something had changed, and the version before serves again.
    RolledBack,
    /// Staged; the switch is made at the next start of the host.
    Deferred,
}
