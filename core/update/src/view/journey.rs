//! A plan as it is carried out: hop after hop, each an update of its own.

use newleaf_domain::{PlanId, Target, UpdateId, Version};
use newleaf_launcher::journal::Ending;
use newleaf_plan::Because;
use serde::{Deserialize, Serialize};

/// How far a plan is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journey {
    /// The plan.
    pub plan: PlanId,
    /// What it changes.
    pub target: Target,
    /// Its changes, in order.
    pub hops: Vec<Hop>,
    /// How it stands as a whole.
    pub standing: JourneyStanding,
}

/// One change of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The version before.
    pub from: Option<Version>,
    /// The version to come.
    pub to: Version,
    /// Why it is part of the plan.
    pub because: Because,
    /// The newest update that carries it out; none where it has not begun.
    pub update: Option<UpdateId>,
    /// How that ended; none while it runs.
    pub ending: Option<Ending>,
}

/// How a plan stands as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum JourneyStanding {
    /// It was not begun.
    Waiting,
    /// A hop runs, or the next is about to begin.
    UnderWay,
    /// Every hop was carried out.
    Done,
    /// The hop that runs next is laid ready for the next start of the host, which goes on.
    Deferred,
    /// It stopped on a working version, and does not go on by itself.
    Stopped {
        /// Why.
        why: String,
    },
}

impl Journey {
    /// The hop that `update` carries out, counted from 1.
    pub fn number_of(&self, update: &UpdateId) -> Option<usize> {
        self.hops.iter().position(|hop| hop.update.as_ref() == Some(update)).map(|at| at + 1)
    }

    /// The newest update of the plan.
    pub fn newest(&self) -> Option<&UpdateId> {
        self.hops.iter().rev().find_map(|hop| hop.update.as_ref())
    }
}
