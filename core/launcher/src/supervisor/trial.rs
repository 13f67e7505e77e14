//! A version on trial: its tries, its probation, its commit and its way back.

use super::model::GoingBack;
use super::turn::Turn;
use super::{Evidence, Stage, Timer, Which, WorkerId};
use crate::ask::mark_bad;
use crate::journal::{Cause, Ending, Entry, Failure, StepId};
use crate::proto::Heir;
use crate::state::{BadRelease, CorePhase, Trial, Way};

impl Turn {
    pub(super) fn trial(&self) -> Option<Trial> {
        self.model.state.core.trial.clone()
    }

    /// Burns a try and starts the trial with it; without one left, goes back.
    pub(super) fn try_trial(&mut self, reason: &str) {
        let Some(trial) = self.trial() else { return };
        if trial.tries == 0 {
            let what = format!("{} did not prove itself: {reason}", trial.slot.version);
            self.fail_back(StepId::Activate, what, Evidence::Release);
            return;
        }
        self.write(|state| {
            state.core.phase = CorePhase::Trial;
            if let Some(trial) = &mut state.core.trial {
                trial.tries -= 1;
            }
        });
        self.spawn(Which::Trial, trial.slot);
    }

    /// A start on trial did not lead to a healthy worker.
    pub(super) fn trial_failed(&mut self, step: StepId, why: &str, evidence: Evidence) {
        let Some(trial) = self.trial() else { return };
        let what = format!("{} {why}", trial.slot.version);
        if evidence != Evidence::Release {
            self.spawn_good();
            self.give_try_back();
            self.fail_back(step, what, evidence);
        } else if trial.tries > 0 {
            // It may hang this time: where nobody serves meanwhile, the good version does.
            if self.model.serving().is_none() {
                self.spawn_good();
            }
            self.notice(format!("{what}; it is tried again"));
            self.try_trial(why);
        } else {
            self.last_try_failed(step, what);
        }
    }

    pub(super) fn give_try_back(&mut self) {
        let most = self.model.timing.tries;
        self.write(|state| {
            if let Some(trial) = &mut state.core.trial {
                trial.tries = trial.tries.saturating_add(1).min(most);
            }
        });
    }

    /// The trial is over: says what failed and goes back. The good version is started before
    /// anything is written, because the disk may be what failed.
    pub(super) fn fail_back(&mut self, step: StepId, what: String, evidence: Evidence) {
        let Some(trial) = self.trial() else { return };
        self.spawn_good();
        let good = self.model.state.core.good.version.clone();
        let is_bad = evidence == Evidence::Release && trial.way == Way::Forward;
        let failure = Failure {
            what: what.clone(),
            done: if self.is_order_in_vain() {
                format!("started {good} again")
            } else {
                format!("went back to {good}")
            },
            todo: advice(evidence, is_bad).to_owned(),
            cause: match evidence {
                Evidence::Machine
                | Evidence::Damage
                | Evidence::Unreadable
                | Evidence::Surroundings => Cause::Machine,
                Evidence::Release => Cause::Release,
            },
        };
        self.append(Some(&trial.update), Entry::Failed { step, failure });
        self.begin_back(what, evidence);
    }

    /// Goes back; where another version serves still, the good one must come up first.
    pub(super) fn begin_back(&mut self, reason: String, evidence: Evidence) {
        let Some(trial) = self.trial() else { return };
        self.dismiss_witness();
        self.spawn_good();
        self.started(&trial.update, StepId::Rollback);
        let spent = evidence == Evidence::Release;
        if !self.good_serves() && !self.is_order_in_vain() {
            // `tries` says after a crash whether the version is to blame.
            self.write(|state| {
                if let Some(trial) = &mut state.core.trial {
                    trial.tries = if spent { 0 } else { trial.tries.max(1) };
                }
            });
        }
        self.go_on_back(reason, spent);
    }

    /// Brings the good version up; its `Go` finishes the way back, unless it is over already.
    pub(super) fn go_on_back(&mut self, reason: String, spent: bool) {
        let forward = self.trial().is_some_and(|trial| trial.way == Way::Forward);
        self.model.going_back = Some(GoingBack { reason, is_bad: spent && forward });
        self.spawn_good();
        if self.good_serves() || self.is_order_in_vain() {
            self.finish_back();
        }
    }

    /// Whether the version before was to be started, and nobody serves. Then there is nothing to
    /// go back to: the good version is what did not come up, and may never do. Its starts go on as
    /// without the order, and the next order is heard.
    pub(super) fn is_order_in_vain(&self) -> bool {
        let is_back = self.trial().is_some_and(|trial| trial.way == Way::Back);
        is_back && self.model.serving().is_none()
    }

    /// The good version serves again, or is not waited for: one write, then the last records.
    pub(super) fn finish_back(&mut self) {
        let (Some(trial), Some(back)) = (self.trial(), self.model.going_back.take()) else {
            return;
        };
        let bad = back
            .is_bad
            .then(|| BadRelease { digest: trial.slot.digest, reason: back.reason.clone() });
        self.write(|state| {
            state.core.trial = None;
            state.core.phase = CorePhase::Idle;
            mark_bad(state, bad.as_ref());
        });
        let good = self.model.state.core.good.version.clone();
        let how = if self.good_serves() { "serves" } else { "is started again" };
        self.done(&trial.update, StepId::Rollback, format!("{good} {how}"));
        self.ended(&trial.update, Ending::RolledBack, Some(back.reason));
        let on_trial = |w: &super::Worker| w.which == Which::Trial && w.stage != Stage::Draining;
        while let Some(id) = self.model.find(on_trial) {
            self.retire(id, Heir::Serves);
        }
    }

    /// The trial's probe was right: it serves from now on, and is watched.
    pub(super) fn enter_probation(&mut self, id: WorkerId, trial: &Trial) {
        self.done(&trial.update, StepId::Probe, String::new());
        self.started(&trial.update, StepId::Commit);
        self.write(|state| state.core.phase = CorePhase::Probation);
        self.go(id);
        self.wake(Timer::Probation(id), self.model.timing.probation);
        self.wake(Timer::Probe(id), self.model.timing.probe_every);
    }

    /// Point B: the trial is good.
    pub(super) fn commit(&mut self, id: WorkerId) {
        let Some(trial) = self.trial() else { return };
        if let Some(worker) = self.model.workers.get_mut(&id) {
            worker.which = Which::Good;
        }
        self.write(|state| {
            state.bad.retain(|bad| bad.digest != trial.slot.digest);
            let before = state.core.make_good(trial.slot.clone());
            state.core.previous = Some(before);
            state.core.stand_in = None;
            state.core.forget_launchers();
            state.core.trial = None;
            state.core.phase = CorePhase::Idle;
        });
        self.done(&trial.update, StepId::Commit, format!("{} is good", trial.slot.version));
        self.ended(&trial.update, Ending::Committed, None);
    }
}

const fn advice(evidence: Evidence, is_bad: bool) -> &'static str {
    match (evidence, is_bad) {
        (Evidence::Machine, _) => {
            "mend the machine (disk space, disk faults, open files), then update again"
        }
        (Evidence::Damage | Evidence::Unreadable, _) => {
            "look at the disk for faults, then update again: it is unpacked anew"
        }
        (Evidence::Surroundings, _) => {
            "look at what was changed last in newleaf.toml and on the machine, then update again"
        }
        (Evidence::Release, true) => {
            "wait for a newer release; this one is not offered again by itself"
        }
        (Evidence::Release, false) => "look into the host's log for what the older version said",
    }
}
