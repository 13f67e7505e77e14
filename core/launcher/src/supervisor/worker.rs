//! The life of a worker: ready, probed, serving, gone.

use std::time::Duration;

use super::model::{RECOVERY_AFTER, STRIKES};
use super::turn::Turn;
use super::{Effect, Evidence, Exit, Model, Stage, Timer, Watch, Which, Worker, WorkerId};
use crate::journal::StepId;
use crate::proto::Pulse;
use crate::state::{CorePhase, CoreSlot};

/// How a notice about the recovery page itself begins, which is no reason for it to be there.
pub const PAGE: &str = "the recovery page";

impl Turn {
    pub(super) fn ready(&mut self, id: WorkerId, took: Duration, pulse: Pulse) {
        let Some(worker) = self.at(id, Stage::Starting) else { return };
        self.set_stage(id, Stage::Probing);
        self.hear(id, pulse);
        self.proven();
        if let (Which::Trial, Some(trial)) = (worker.which, self.trial()) {
            let detail = format!("ready in {} ms", took.as_millis());
            self.done(&trial.update, StepId::Activate, detail);
            self.started(&trial.update, StepId::Probe);
        }
        self.push(Effect::Probe(id));
    }

    pub(super) fn healthy(&mut self, id: WorkerId) {
        let Some(worker) = self.model.workers.get_mut(&id) else { return };
        worker.strikes = 0;
        let (which, stage, watch) = (worker.which, worker.stage, worker.watch);
        match (which, stage) {
            (Which::Trial, Stage::Probing) => {
                if let Some(trial) = self.trial() {
                    self.enter_probation(id, &trial);
                }
            }
            (Which::Good, Stage::Probing) => self.good_came_up(id),
            (Which::Witness, Stage::Probing) => self.witness_came_up(id),
            (Which::Trial, Stage::Serving) if watch == Watch::IsOver && self.may_commit() => {
                self.commit(id);
            }
            (Which::Trial, Stage::Serving) => {
                self.wake(Timer::Probe(id), self.model.timing.probe_every);
            }
            (Which::Good | Which::Witness, Stage::Serving)
            | (_, Stage::Starting | Stage::Draining) => {}
        }
    }

    /// What the database says of its readers counts for the version that is good: it may have been
    /// contracted since.
    pub(super) fn learn_reader(&mut self, oldest_reader: Option<u32>) {
        let known = self.model.state.core.good.oldest_reader;
        if let Some(told) = oldest_reader.filter(|told| *told > known) {
            self.write(|state| state.core.good.oldest_reader = told);
        }
    }

    /// While a trial starts beside it, the good version serves without ending the trial.
    fn good_came_up(&mut self, id: WorkerId) {
        let starting = self.model.find(|worker| {
            worker.which == Which::Trial && matches!(worker.stage, Stage::Starting | Stage::Probing)
        });
        let kept = starting.and_then(|trial| Some((trial, self.model.workers.remove(&trial)?)));
        self.go(id);
        self.model.workers.extend(kept);
        self.stand_in_came_up(id);
        self.good_can_start();
        self.finish_back();
    }

    pub(super) fn unhealthy(&mut self, id: WorkerId, exit: &Exit) {
        let Some(worker) = self.model.workers.get_mut(&id) else { return };
        let (which, stage, slot) = (worker.which, worker.stage, worker.slot.clone());
        let why = &exit.how;
        let what = match exit.evidence {
            Evidence::Release => format!("is not healthy: {why}"),
            Evidence::Machine
            | Evidence::Damage
            | Evidence::Unreadable
            | Evidence::Surroundings => why.clone(),
        };
        match (which, stage) {
            (Which::Trial, Stage::Probing) => {
                self.kill(id);
                self.trial_failed(StepId::Probe, &what, exit.evidence);
            }
            (Which::Good, Stage::Probing) => {
                self.kill(id);
                self.good_failed(&slot, &what);
            }
            (Which::Witness, Stage::Probing) => {
                self.kill(id);
                self.witness_failed(&what);
            }
            // Nobody asked it; it is asked again.
            (Which::Trial, Stage::Serving) if exit.evidence != Evidence::Release => {
                self.notice(format!("{} {what}", slot.version));
                self.wake(Timer::Probe(id), self.model.timing.probe_every);
            }
            (Which::Trial, Stage::Serving) => {
                worker.strikes += 1;
                self.struck(id, why);
            }
            (Which::Good | Which::Witness, Stage::Serving)
            | (_, Stage::Starting | Stage::Draining) => {}
        }
    }

    /// A version in probation failed a probe. It goes on serving until the good one is up.
    fn struck(&mut self, id: WorkerId, why: &str) {
        let Some(worker) = self.model.workers.get(&id).cloned() else { return };
        let version = &worker.slot.version;
        if worker.strikes < STRIKES {
            self.notice(format!("{version} failed a probe: {why}"));
            self.wake(Timer::Probe(id), self.model.timing.probe_every);
        } else if self.model.going_back.is_none() {
            let what = format!("{version} became unhealthy while it was watched: {why}");
            self.fail_back(StepId::Commit, what, Evidence::Release);
        }
    }

    pub(super) fn exited(&mut self, id: WorkerId, exit: &Exit) {
        let Some(worker) = self.model.workers.remove(&id) else { return };
        match (worker.which, worker.stage) {
            (_, Stage::Draining) => {}
            _ if self.model.stopping => {}
            (Which::Trial, Stage::Serving) => self.trial_left(&worker, exit),
            (Which::Trial, stage) => {
                self.trial_failed(Model::step_of(stage), &exit.how, exit.evidence);
            }
            (Which::Good, _) => self.good_left(&worker, exit),
            (Which::Witness, _) => self.witness_failed(&exit.how),
        }
        self.exit_when_empty();
    }

    /// The first exit in probation costs a try, the next one the trial.
    fn trial_left(&mut self, worker: &Worker, exit: &Exit) {
        if self.model.going_back.is_some() {
            if self.is_order_in_vain() {
                self.finish_back();
            }
            return;
        }
        let why = format!("{} while it was watched", exit.how);
        self.trial_failed(Model::step_of(worker.stage), &why, exit.evidence);
    }

    fn good_left(&mut self, worker: &Worker, exit: &Exit) {
        let is_good = worker.slot.digest == self.model.state.core.good.digest;
        match exit.evidence {
            Evidence::Damage if is_good => self.good_is_damaged(&exit.how),
            Evidence::Unreadable if is_good && self.is_given_up() => {
                self.good_is_damaged(&exit.how);
            }
            Evidence::Damage
            | Evidence::Unreadable
            | Evidence::Machine
            | Evidence::Surroundings
            | Evidence::Release => {
                self.good_failed(&worker.slot, &exit.how);
            }
        }
        let core = &self.model.state.core;
        if worker.stage == Stage::Serving && core.phase == CorePhase::Expand && core.trial.is_none()
        {
            let update = self.model.expanding.take();
            self.undo_expand(update.as_ref());
        }
    }

    /// Whether the good version has failed so often in a row that it is not waited for any more.
    const fn is_given_up(&self) -> bool {
        self.model.quick + 1 >= RECOVERY_AFTER
    }

    /// The good version failed: it is started again, later each time, and a page says so.
    pub(super) fn good_failed(&mut self, slot: &CoreSlot, why: &str) {
        let stood_in = self.stand_in_failed(slot).map_or_else(String::new, |it| format!("; {it}"));
        self.model.failures += 1;
        self.model.quick += 1;
        let reason = format!("{} {why}{stood_in}", slot.version);
        self.notice(reason.clone());
        let nobody = self.model.serving().is_none();
        if self.model.quick >= RECOVERY_AFTER && nobody && !self.model.recovery {
            self.model.recovery = true;
            self.push(Effect::OpenRecovery(reason));
        }
        self.wake(Timer::Respawn, self.model.backoff());
    }

    /// Without the page both doors stand open and nobody answers: it is opened again, at once the
    /// first time, later each time after that.
    pub(super) fn recovery_gone(&mut self, exit: &Exit) {
        if !self.model.recovery {
            return;
        }
        self.model.recovery = false;
        self.model.page_failures += 1;
        self.notice(format!("{PAGE} {}; it is opened again", exit.how));
        self.wake(Timer::Page, self.model.wait_after(self.model.page_failures));
    }

    fn open_page_again(&mut self) {
        if self.model.serving().is_none() && !self.model.recovery && !self.model.stopping {
            self.model.recovery = true;
            self.push(Effect::OpenRecovery(format!("{PAGE} is opened again")));
        }
    }

    pub(super) fn fired(&mut self, timer: Timer) {
        match timer {
            Timer::Ready(id) => self.late(id),
            Timer::Probe(id) => self.probe_again(id, None),
            Timer::Probation(id) => self.probe_again(id, Some(Watch::IsOver)),
            Timer::Pulse(id) => self.feel_pulse(id),
            Timer::Settled(id) => {
                if self.at(id, Stage::Serving).is_some() {
                    self.model.quick = 0;
                }
            }
            Timer::Steady(id) => {
                if self.at(id, Stage::Serving).is_some() {
                    self.model.failures = 0;
                }
            }
            Timer::Drain(id) => {
                if self.at(id, Stage::Draining).is_some() {
                    self.kill(id);
                    self.exit_when_empty();
                }
            }
            Timer::Page => self.open_page_again(),
            Timer::Respawn => {
                if !self.model.stopping && self.wants_good() {
                    self.spawn_good();
                }
            }
        }
    }

    /// Probes a version on trial that serves. Once its watch is over, a probe that was begun
    /// before says nothing: only a fresh one makes it good.
    fn probe_again(&mut self, id: WorkerId, watch: Option<Watch>) {
        let Some(worker) = self.model.workers.get_mut(&id) else { return };
        if (worker.which, worker.stage) == (Which::Trial, Stage::Serving) {
            worker.watch = watch.unwrap_or(worker.watch);
            self.push(Effect::Probe(id));
        }
    }

    const fn may_commit(&self) -> bool {
        self.model.going_back.is_none() && !self.model.stopping
    }

    /// Whether the good version should run: not while another version serves in probation.
    fn wants_good(&self) -> bool {
        self.model.serving().is_none() || self.model.going_back.is_some()
    }

    fn late(&mut self, id: WorkerId) {
        let Some(worker) = self.at(id, Stage::Starting) else { return };
        self.kill(id);
        let why =
            format!("was not ready within {} s", self.model.timing.ready_within.as_secs_f32());
        match worker.which {
            Which::Trial => self.trial_failed(StepId::Activate, &why, Evidence::Release),
            Which::Good => self.good_failed(&worker.slot, &why),
            Which::Witness => self.witness_failed(&why),
        }
    }

    fn at(&self, id: WorkerId, stage: Stage) -> Option<Worker> {
        self.model.workers.get(&id).filter(|worker| worker.stage == stage).cloned()
    }
}
