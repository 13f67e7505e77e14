//! One turn of the machine: an event in, effects out.

use std::time::Duration;

use newleaf_domain::UpdateId;

use super::{Beat, Effect, Event, Model, Speech, Stage, Timer, Watch, Which, Worker, WorkerId};
use crate::ask::forgotten;
use crate::journal::{Ending, Entry, Outcome, StepId};
use crate::proto::Heir;
use crate::state::{CorePhase, CoreSlot, State};

/// The model and the effects that follow. Durable effects stand before the acts they announce.
pub fn step(model: &Model, event: Event) -> (Model, Vec<Effect>) {
    let mut turn = Turn { model: model.clone(), effects: Vec::new() };
    match event {
        Event::Start(unfinished) => turn.start(unfinished),
        Event::TookOver => turn.took_over(),
        Event::Quiet => turn.quiet(),
        Event::NoSuccessor(exit) => turn.no_successor(&exit),
        Event::FellBack(text) => turn.fell_back(text),
        Event::Ready { worker, took, pulse, oldest_reader } => {
            turn.ready(worker, took, pulse);
            turn.learn_reader(oldest_reader);
        }
        Event::Pulse(worker) => turn.pulse(worker),
        Event::Exited { worker, exit } => turn.exited(worker, &exit),
        Event::Probed { worker, result: Ok(()) } => turn.healthy(worker),
        Event::Probed { worker, result: Err(exit) } => turn.unhealthy(worker, &exit),
        Event::Fired(timer) => turn.fired(timer),
        Event::Asked { worker, id, ask } => turn.asked(worker, id, ask),
        Event::Unknown { worker, id } => turn.unknown(worker, id),
        Event::Ordered { id, repair } => turn.ordered(id, repair),
        Event::Expanded(result) => turn.expanded(result),
        Event::RecoveryGone(exit) => turn.recovery_gone(&exit),
        Event::DiskRefuses => turn.disk_refuses(),
        Event::Stop => turn.stop(),
    }
    (turn.model, turn.effects)
}

/// The model as it becomes, and what is to be done.
pub(super) struct Turn {
    pub(super) model: Model,
    pub(super) effects: Vec<Effect>,
}

impl Turn {
    pub(super) fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(super) fn wake(&mut self, timer: Timer, after: Duration) {
        self.push(Effect::Wake(timer, after));
    }

    pub(super) fn append(&mut self, update: Option<&UpdateId>, entry: Entry) {
        self.push(Effect::Append { update: update.cloned(), entry });
    }

    pub(super) fn notice(&mut self, text: String) {
        let update = self.model.state.core.trial.as_ref().map(|trial| trial.update.clone());
        self.push(Effect::Notice { update, text });
    }

    pub(super) fn started(&mut self, update: &UpdateId, step: StepId) {
        self.append(Some(update), Entry::Started { step });
    }

    pub(super) fn done(&mut self, update: &UpdateId, step: StepId, detail: String) {
        let outcome = Outcome::Done { detail };
        self.append(Some(update), Entry::Finished { step, outcome });
    }

    pub(super) fn ended(&mut self, update: &UpdateId, ending: Ending, reason: Option<String>) {
        self.append(Some(update), Entry::Ended { ending, reason });
    }

    /// Changes the state and has it written.
    pub(super) fn write(&mut self, change: impl FnOnce(&mut State)) {
        let mut next = self.model.state.clone();
        change(&mut next);
        next.seq += 1;
        self.replace(next);
    }

    /// Takes over a state whose `seq` has been counted up already.
    pub(super) fn replace(&mut self, state: State) {
        let forgotten = forgotten(&self.model.state, &state);
        self.model.state = state;
        self.push(Effect::Write(Box::new(self.model.state.clone())));
        if let Some(text) = forgotten {
            self.notice(text);
        }
    }

    /// Starts a worker.
    pub(super) fn spawn(&mut self, which: Which, slot: CoreSlot) {
        let id = WorkerId(self.model.next_worker);
        self.model.next_worker += 1;
        let on_trial = which != Which::Good;
        self.push(Effect::Spawn { worker: id, slot: slot.clone(), on_trial });
        self.wake(Timer::Ready(id), self.model.timing.ready_within);
        let (stage, watch, speech) = (Stage::Starting, Watch::Runs, Speech::Known);
        let beat = Beat::Unheard;
        let worker = Worker { slot, which, stage, strikes: 0, watch, speech, beat };
        self.model.workers.insert(id, worker);
    }

    /// Starts the good version, unless a worker of it already starts or serves.
    pub(super) fn spawn_good(&mut self) {
        let alive =
            |worker: &Worker| worker.which == Which::Good && worker.stage != Stage::Draining;
        if self.model.find(alive).is_none() {
            let stands_in = self.model.stands_in.as_ref().map(|stand_in| stand_in.slot.clone());
            let slot = stands_in.unwrap_or_else(|| self.model.state.core.good.clone());
            self.spawn(Which::Good, slot);
        }
    }

    /// The older state is made whole again under a number that the lost one never had, so that no
    /// plan made for that one is taken for one of this.
    fn fell_back(&mut self, text: String) {
        self.push(Effect::Notice { update: None, text });
        self.write(|state| state.seq += 1);
    }

    /// A try cannot be burnt on a full disk, so no trial is started; somebody must serve meanwhile.
    fn disk_refuses(&mut self) {
        if self.model.serving().is_none() && !self.model.stopping {
            self.spawn_good();
        }
    }

    /// Lets a worker accept; whatever else served finishes.
    pub(super) fn go(&mut self, id: WorkerId) {
        self.model.page_failures = 0;
        if self.model.recovery {
            self.model.recovery = false;
            self.push(Effect::CloseRecovery);
        }
        self.set_stage(id, Stage::Serving);
        self.push(Effect::Go(id));
        self.wake(Timer::Settled(id), self.model.timing.probation);
        self.wake(Timer::Steady(id), self.model.timing.steady_after);
        self.watch_pulse(id);
        for other in
            self.model.workers.keys().copied().filter(|other| *other != id).collect::<Vec<_>>()
        {
            self.retire(other, Heir::Serves);
        }
    }

    /// Drains a worker that serves; ends one that has not begun to. One that takes its time, since
    /// another serves, is told when there is none any more.
    pub(super) fn retire(&mut self, id: WorkerId, heir: Heir) {
        match self.model.workers.get(&id).map(|worker| worker.stage) {
            Some(Stage::Serving) => {
                self.set_stage(id, Stage::Draining);
                self.push(Effect::Drain(id, heir));
                self.wake(Timer::Drain(id), self.model.timing.drain_within);
            }
            Some(Stage::Draining) if heir == Heir::None => self.push(Effect::Drain(id, heir)),
            Some(Stage::Starting | Stage::Probing) => self.kill(id),
            Some(Stage::Draining) | None => {}
        }
    }

    /// Ends a worker; its exit is no news then.
    pub(super) fn kill(&mut self, id: WorkerId) {
        self.model.workers.remove(&id);
        self.push(Effect::Kill(id));
    }

    pub(super) fn set_stage(&mut self, id: WorkerId, stage: Stage) {
        if let Some(worker) = self.model.workers.get_mut(&id) {
            worker.stage = stage;
        }
    }

    /// Finishes everything and ends. A try that was under way is given back: a planned stop says
    /// nothing about a version.
    fn stop(&mut self) {
        if self.model.stopping {
            return;
        }
        self.model.stopping = true;
        let under_way =
            matches!(self.model.state.core.phase, CorePhase::Trial | CorePhase::Probation);
        if under_way && self.model.going_back.is_none() {
            self.give_try_back();
        }
        if self.model.recovery {
            self.model.recovery = false;
            self.push(Effect::CloseRecovery);
        }
        for id in self.model.workers.keys().copied().collect::<Vec<_>>() {
            self.retire(id, Heir::None);
        }
        self.exit_when_empty();
    }

    pub(super) fn exit_when_empty(&mut self) {
        if self.model.stopping && self.model.workers.is_empty() {
            self.push(Effect::Exit);
        }
    }
}
