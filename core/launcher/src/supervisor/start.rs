//! The launcher's own start: by `state` alone it knows what to run, by the journal what to tell.

use super::turn::Turn;
use super::{Effect, Exit};
use crate::journal::{Ending, StepId, Unfinished};
use crate::state::{CorePhase, Trial};

impl Turn {
    pub(super) fn start(&mut self, unfinished: Option<Unfinished>) {
        let core = self.model.state.core.clone();
        match (core.phase, core.trial) {
            (CorePhase::Idle, _) => {
                if !self.leaves_to_another() {
                    self.spawn_good();
                }
                if let Some(unfinished) = unfinished {
                    self.close(&unfinished);
                }
            }
            (CorePhase::Expand, Some(trial)) => {
                self.spawn_good();
                self.started(&trial.update, StepId::Expand);
                self.push(Effect::Expand(trial.slot));
            }
            (CorePhase::Expand, None) => {
                self.spawn_good();
                self.undo_expand(unfinished.map(|unfinished| unfinished.update).as_ref());
            }
            (CorePhase::Trial | CorePhase::Probation, Some(trial)) => {
                self.resume(&trial, unfinished.as_ref());
            }
            (CorePhase::Trial | CorePhase::Probation, None) => {
                self.spawn_good();
                self.notice(format!("state names phase {:?} but no trial; it is idle", core.phase));
                self.write(|state| state.core.phase = CorePhase::Idle);
            }
        }
    }

    /// Writes the last records of an update whose last `state` was written.
    fn close(&mut self, unfinished: &Unfinished) {
        let update = &unfinished.update;
        let good = &self.model.state.core.good;
        let version = good.version.clone();
        let committed = good.digest == unfinished.digest;
        match unfinished.step {
            Some(StepId::Rollback) => {
                self.done(update, StepId::Rollback, format!("{version} serves"));
                self.ended(update, Ending::RolledBack, unfinished.failed.clone());
            }
            Some(StepId::Commit) if committed => {
                self.done(update, StepId::Commit, format!("{version} is good"));
                self.ended(update, Ending::Committed, None);
            }
            // The switch was announced, but `state` was not written.
            Some(StepId::Activate) => {
                let reason = "the host was interrupted before the switch".to_owned();
                self.ended(update, Ending::Undone, Some(reason));
            }
            // The launcher had not been asked yet: the worker that serves next resumes or undoes it.
            _ => {}
        }
    }

    /// A launcher died while a trial was under way.
    /// The good version serves until the trial has proved itself: it may hang this time.
    fn resume(&mut self, trial: &Trial, unfinished: Option<&Unfinished>) {
        let version = &trial.slot.version;
        if let Some(back) = unfinished.filter(|unfinished| unfinished.is_rolling_back()) {
            let stopped = || format!("{version} was stopped before it had proved itself");
            self.go_on_back(back.failed.clone().unwrap_or_else(stopped), trial.tries == 0);
            return;
        }
        self.spawn_good();
        self.notice(format!("the host was started again while {version} was on trial"));
        self.try_trial("the host ended before its last try was over");
    }

    /// The schema may be extended in part. That harms nothing: the next expand goes on.
    pub(super) fn undo_expand(&mut self, update: Option<&newleaf_domain::UpdateId>) {
        if let Some(update) = update {
            let reason = "the host was interrupted while the schema was extended";
            self.ended(update, Ending::Undone, Some(reason.to_owned()));
        }
        self.write(|state| state.core.phase = CorePhase::Idle);
    }

    /// The schema was extended at the start of a host for which a trial was laid ready.
    pub(super) fn expanded(&mut self, result: Result<(), Exit>) {
        let core = &self.model.state.core;
        let (CorePhase::Expand, Some(trial)) = (core.phase, core.trial.clone()) else { return };
        match result {
            Ok(()) => {
                self.done(&trial.update, StepId::Expand, String::new());
                self.started(&trial.update, StepId::Activate);
                self.try_trial("it was never started");
            }
            Err(exit) => {
                let what = format!(
                    "{} could not extend the database: it {}",
                    trial.slot.version, exit.how
                );
                self.fail_back(StepId::Expand, what, exit.evidence);
            }
        }
    }
}
