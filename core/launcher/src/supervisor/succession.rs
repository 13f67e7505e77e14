//! One launcher makes room for the next: the good version's, where that speaks a higher protocol.
//!
//! The process stays, and with it sockets and workers; only the program is another. Each such
//! start is burnt in `state` before it is made and forgotten once the successor has a worker that
//! answers. After two in vain this launcher serves what it speaks itself.

use super::model::{Beat, Model, Succession};
use super::turn::Turn;
use super::{Effect, Evidence, Exit, Stage, Timer};
use crate::state::{BadRelease, CorePhase, CoreSlot};

/// Starts of a successor without a worker that answers, after which no other is made.
const TRIES: u8 = 2;

impl Model {
    /// The version whose launcher should take over now, where this is a moment for it.
    pub fn successor(&self) -> Option<&CoreSlot> {
        let core = &self.state.core;
        let may = core.launcher_tries < TRIES && self.succession == Succession::Open;
        (may && self.is_outgrown() && self.is_still()).then_some(&core.good)
    }

    /// Whether nothing is under way that another launcher would have to know of: at most one
    /// worker serves, others finish.
    pub fn is_still(&self) -> bool {
        let core = &self.state.core;
        let settled = |stage| matches!(stage, Stage::Serving | Stage::Draining);
        let idle = core.phase == CorePhase::Idle && core.trial.is_none();
        let here = !self.stopping && !self.recovery && self.going_back.is_none();
        let here = here && self.stands_in.is_none();
        idle && here && self.workers.values().all(|worker| settled(worker.stage))
    }

    /// Whether the good version is this launcher's to start.
    pub(super) fn may_start_good(&self) -> bool {
        !self.is_outgrown()
    }

    /// Whether the good version speaks a higher protocol than this launcher.
    fn is_outgrown(&self) -> bool {
        self.state.core.good.protocol > self.protocol
    }
}

impl Turn {
    /// At the start: whether the good version is not for this launcher to start. Either its own
    /// launcher takes over, or it has tried that in vain.
    pub(super) fn leaves_to_another(&mut self) -> bool {
        if self.model.successor().is_some() {
            return true;
        }
        let in_vain = self.model.is_outgrown() && self.model.state.core.launcher_tries >= TRIES;
        if in_vain {
            let how = "could not take over as launcher: it was started twice, and no worker of \
                       it was ready";
            self.serve_what_is_spoken(how, Evidence::Release);
        }
        in_vain
    }

    /// Nothing waits and nothing is under way.
    pub(super) fn quiet(&mut self) {
        if let Some(slot) = self.model.successor().cloned() {
            self.write(|state| state.core.launcher_tries += 1);
            self.push(Effect::Succeed(slot));
        }
    }

    /// The successor could not even be started; this launcher stays.
    pub(super) fn no_successor(&mut self, exit: &Exit) {
        self.model.succession = Succession::Refused;
        let version = self.model.state.core.good.version.clone();
        self.notice(format!("the launcher of {version} {}; this one stays", exit.how));
        if matches!(exit.evidence, Evidence::Machine | Evidence::Unreadable) {
            self.write(|state| {
                state.core.launcher_tries = state.core.launcher_tries.saturating_sub(1);
            });
            self.spawn_where_nobody_serves();
        } else if self.model.workers.is_empty() {
            self.serve_what_is_spoken(&exit.how, Evidence::Damage);
        }
    }

    fn spawn_where_nobody_serves(&mut self) {
        if self.model.serving().is_none() && !self.model.stopping {
            self.spawn_good();
        }
    }

    /// The version before, where this launcher speaks its protocol and it reads the data; else the
    /// recovery page.
    fn serve_what_is_spoken(&mut self, how: &str, evidence: Evidence) {
        let good = &self.model.state.core.good;
        let reason = format!("{} {how}", good.version);
        let bad = BadRelease { digest: good.digest, reason: reason.clone() };
        if let Some(previous) = self.stand_in() {
            let bad = (evidence == Evidence::Release).then_some(bad);
            self.let_stand_in(previous, how, bad);
        } else {
            self.notice(reason.clone());
            self.model.recovery = true;
            self.push(Effect::OpenRecovery(reason));
        }
    }

    /// This launcher has just taken the place of another, with its sockets and workers.
    pub(super) fn took_over(&mut self) {
        let Some(id) = self.model.serving() else { return self.start(None) };
        self.wake(Timer::Settled(id), self.model.timing.probation);
        self.wake(Timer::Steady(id), self.model.timing.steady_after);
        match self.model.workers.get(&id).map(|worker| worker.beat) {
            Some(Beat::Unheard) | None => self.proven(),
            Some(Beat::Heard | Beat::Missed(_)) => self.feel_pulse(id),
        }
    }

    /// A worker is ready, or has answered: as a launcher this one is good.
    pub(super) fn proven(&mut self) {
        let tried = self.model.state.core.launcher_tries > 0;
        if tried && !self.model.is_outgrown() {
            self.write(|state| state.core.launcher_tries = 0);
        }
    }
}
