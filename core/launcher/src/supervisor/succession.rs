//! One launcher makes room for the next: the good version's, where that speaks a higher protocol.
//!
//! The process stays, and with it sockets and workers; only the program is another. Each such
//! start is burnt in `state` before it is made, the successor notes there that it came to life, and
//! both are forgotten once it has a worker that answers. After two lives in vain this launcher
//! serves what it speaks itself. A start without a life may have been cut short by whoever ended
//! this launcher, and a life of an earlier boot by the power: neither counts so much, but even such
//! starts have a bound. No version is bad for any of it: it has proved itself as a worker.

use super::model::{Beat, Model, Succession};
use super::turn::Turn;
use super::{Effect, Evidence, Exit, Stage, Timer, WorkerId};
use crate::state::{CorePhase, CoreSlot, Lives};

/// Successors that came to life in one boot, without a worker that answers, after which no other is
/// started.
const LIVES: u8 = 2;

/// The same of all starts of a successor: more, since it is not known what ended them.
const TRIES: u8 = 4;

impl Model {
    /// The version whose launcher should take over now, where this is a moment for it.
    pub fn successor(&self) -> Option<&CoreSlot> {
        let core = &self.state.core;
        let may = !self.is_in_vain() && self.succession == Succession::Open;
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

    /// Whether its launcher was started so often without a worker that answers that it is not any
    /// more.
    fn is_in_vain(&self) -> bool {
        self.lives() >= LIVES || self.state.core.launcher_tries >= TRIES
    }

    /// How often that came to life in this boot.
    fn lives(&self) -> u8 {
        let lives = self.state.core.launcher_lives.as_ref();
        lives.filter(|lives| lives.boot == self.boot).map_or(0, |lives| lives.count)
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
        let in_vain = self.model.is_outgrown() && self.model.is_in_vain();
        if in_vain {
            let times = self.model.state.core.launcher_tries;
            self.serve_what_is_spoken(&format!(
                "could not take over as launcher: it was started {times} times, and no worker of \
                 it was ready"
            ));
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
            self.serve_what_is_spoken(&exit.how);
        }
    }

    fn spawn_where_nobody_serves(&mut self) {
        if self.model.serving().is_none() && !self.model.stopping {
            self.spawn_good();
        }
    }

    /// The version before, where this launcher speaks its protocol and it reads the data; else the
    /// recovery page.
    fn serve_what_is_spoken(&mut self, how: &str) {
        if let Some(previous) = self.stand_in() {
            self.let_stand_in(previous, how);
        } else {
            let reason = format!("{} {how}", self.model.state.core.good.version);
            self.notice(reason.clone());
            self.model.recovery = true;
            self.push(Effect::OpenRecovery(reason));
        }
    }

    /// This launcher has just taken the place of another, with its sockets and workers.
    pub(super) fn took_over(&mut self) {
        if let Some(id) = self.model.serving() {
            self.go_on_with(id);
        } else {
            self.start(None);
        }
        self.came_to_life();
    }

    fn go_on_with(&mut self, id: WorkerId) {
        self.wake(Timer::Settled(id), self.model.timing.probation);
        self.wake(Timer::Steady(id), self.model.timing.steady_after);
        match self.model.workers.get(&id).map(|worker| worker.beat) {
            Some(Beat::Unheard) | None => self.proven(),
            Some(Beat::Heard | Beat::Missed(_)) => self.feel_pulse(id),
        }
    }

    /// From now on it is this launcher's doing if no worker answers.
    fn came_to_life(&mut self) {
        if self.model.state.core.launcher_tries > 0 && !self.model.is_outgrown() {
            let (boot, count) = (self.model.boot.clone(), self.model.lives().saturating_add(1));
            self.write(|state| state.core.launcher_lives = Some(Lives { boot, count }));
        }
    }

    /// A worker is ready, or has answered: as a launcher this one is good.
    pub(super) fn proven(&mut self) {
        let tried = self.model.state.core.launcher_tries > 0;
        if tried && !self.model.is_outgrown() {
            self.write(|state| state.core.forget_launchers());
        }
    }
}
