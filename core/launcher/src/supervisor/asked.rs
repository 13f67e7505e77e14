//! Requests of workers. Only the one that holds the baton is heard.

use newleaf_domain::Target;

use super::turn::Turn;
use super::{Effect, Evidence, Reply, Speech, Stage, Which, WorkerId};
use crate::ask::{self, Refusal};
use crate::journal::{Entry, StepId};
use crate::proto::Ask;
use crate::state::{CorePhase, Way};

impl Turn {
    pub(super) fn asked(&mut self, worker: WorkerId, id: u64, ask: Ask) {
        let holds = self.model.workers.get(&worker).is_some_and(|w| w.stage == Stage::Serving);
        if !holds {
            self.answer(worker, id, Reply::Refused(Refusal::NoBaton.to_string()));
            return;
        }
        match ask {
            Ask::Append { ref entry, .. } if let Some(early) = self.too_early(entry) => {
                self.answer(worker, id, Reply::Busy(early.to_string()));
            }
            Ask::Append { update, entry } => {
                self.push(Effect::Append { update, entry: *entry });
                self.answer(worker, id, Reply::Appended);
            }
            Ask::Abort { app: None, .. } if self.trial().is_some() => self.stop_trial(worker, id),
            Ask::Arm { .. } => self.arm(worker, id, &ask),
            Ask::Expand { ref update } => {
                if self.change(worker, id, &ask) {
                    self.model.expanding = Some(update.clone());
                }
            }
            Ask::TrialApp { .. }
            | Ask::Contracted { .. }
            | Ask::CommitApp { .. }
            | Ask::Abort { .. }
            | Ask::SetApp { .. } => {
                self.change(worker, id, &ask);
            }
        }
    }

    /// While two workers run, both may serve the same version of an app, never two: so a new one
    /// does not begin before the older worker has gone. What has begun goes on, and so does a way
    /// back.
    fn too_early(&self, entry: &Entry) -> Option<Refusal> {
        let Entry::Began { target: Target::App(_), way: Way::Forward, .. } = entry else {
            return None;
        };
        let mut workers = self.model.workers.values();
        let draining = workers.find(|worker| worker.stage == Stage::Draining)?;
        Some(Refusal::Draining(draining.slot.version.clone()))
    }

    /// A newer version may say more than this launcher knows: that is no reason to end it. What
    /// asks is answered; the first such message is noted.
    pub(super) fn unknown(&mut self, worker: WorkerId, id: Option<u64>) {
        let Some(speaker) = self.model.workers.get_mut(&worker) else { return };
        let version = speaker.slot.version.clone();
        let before = std::mem::replace(&mut speaker.speech, Speech::Newer);
        if let Some(id) = id {
            self.answer(worker, id, Reply::Refused(Refusal::Unknown.to_string()));
        }
        if before == Speech::Known {
            self.notice(format!("{version} said something that this launcher does not know"));
        }
    }

    fn answer(&mut self, worker: WorkerId, id: u64, reply: Reply) {
        self.push(Effect::Answer { worker, id, reply });
    }

    /// Whether the state was changed.
    fn change(&mut self, worker: WorkerId, id: u64, ask: &Ask) -> bool {
        match ask::apply(&self.model.state, ask, self.model.timing.tries) {
            Ok(state) => {
                self.replace(state);
                self.answer(worker, id, Reply::Changed);
                true
            }
            Err(refusal) => {
                self.answer(worker, id, Reply::Refused(refusal.to_string()));
                false
            }
        }
    }

    /// Point A. The record that announces the switch stands before it.
    fn arm(&mut self, worker: WorkerId, id: u64, ask: &Ask) {
        if let (Ask::Arm { update, .. }, Ok(_)) =
            (ask, ask::apply(&self.model.state, ask, self.model.timing.tries))
        {
            self.started(update, StepId::Activate);
        }
        if self.change(worker, id, ask) {
            self.try_trial("it was never started");
        }
    }

    /// An admin stops a trial; that says nothing about the version.
    fn stop_trial(&mut self, worker: WorkerId, id: u64) {
        let under_way =
            matches!(self.model.state.core.phase, CorePhase::Trial | CorePhase::Probation);
        if !under_way || self.model.going_back.is_some() {
            self.answer(worker, id, Reply::Refused(Refusal::NoUpdate.to_string()));
            return;
        }
        let starting = |w: &super::Worker| {
            w.which == Which::Trial && matches!(w.stage, Stage::Starting | Stage::Probing)
        };
        while let Some(trial) = self.model.find(starting) {
            self.kill(trial);
        }
        self.begin_back("stopped by an admin".to_owned(), Evidence::Machine);
        self.answer(worker, id, Reply::Changed);
    }
}
