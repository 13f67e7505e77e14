//! Before a version is blamed for starts that failed, the good one is started once more, beside
//! its worker that serves. Where it cannot be started either, what changed since are the settings
//! or the machine, and no version is to blame. It never accepts anything.

use super::turn::Turn;
use super::{Evidence, Stage, Which, WorkerId};
use crate::journal::StepId;
use crate::state::Way;

/// The failure of a version on trial, while it is asked whose fault that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// Where it failed.
    pub step: StepId,
    /// What is to be said of it.
    pub what: String,
}

impl Turn {
    /// The last start of a version on trial failed at `step`: blames it, or asks the good version
    /// first. One that comes up anew anyway, because none of it serves, needs no witness.
    pub(super) fn last_try_failed(&mut self, step: StepId, what: String) {
        let forward = self.trial().is_some_and(|trial| trial.way == Way::Forward);
        if !forward || step == StepId::Commit || !self.good_serves() {
            return self.fail_back(step, what, Evidence::Release);
        }
        let good = self.model.state.core.good.clone();
        self.notice(format!(
            "{what}; {} is started beside itself, to see whether it still can be",
            good.version
        ));
        self.model.doubt = Some(Doubt { step, what });
        self.spawn(Which::Witness, good);
    }

    /// The good version can be started: the one on trial is to blame.
    pub(super) fn witness_came_up(&mut self, id: WorkerId) {
        self.kill(id);
        self.good_can_start();
    }

    /// The same where it was started to serve.
    pub(super) fn good_can_start(&mut self) {
        if let Some(Doubt { step, what }) = self.model.doubt.take() {
            self.fail_back(step, what, Evidence::Release);
        }
    }

    /// The good version cannot be started either.
    pub(super) fn witness_failed(&mut self, why: &str) {
        if let Some(Doubt { step, what }) = self.model.doubt.take() {
            let good = &self.model.state.core.good.version;
            let what =
                format!("{what}; {good}, started beside itself with the same settings, {why}");
            self.give_try_back();
            self.fail_back(step, what, Evidence::Surroundings);
        }
    }

    /// Nobody is asked any more.
    pub(super) fn dismiss_witness(&mut self) {
        self.model.doubt = None;
        while let Some(id) = self.model.find(|worker| worker.which == Which::Witness) {
            self.kill(id);
        }
    }

    pub(super) fn good_serves(&self) -> bool {
        let serves = |w: &super::Worker| w.which == Which::Good && w.stage == Stage::Serving;
        self.model.find(serves).is_some()
    }
}
