//! The loop itself: what happened goes to the machine, and what it decides is carried out.

use std::collections::VecDeque;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use super::super::durable_half::{Durable, Made, Stuck, is_durable};
use super::super::intact::{self, Program};
use super::super::notify::Notifier;
use super::super::timers::Timers;
use super::super::workers::Processes;
use super::super::{Bound, ServeError, durable_half, succession};
use super::hear::{empty, signals};
use crate::durable::chain;
use crate::journal::Journal;
use crate::proto::{Answer, Ground, ToWorker};
use crate::state::CoreSlot;
use crate::supervisor::{self, Effect, Event, Evidence, Exit, Model, Reply, Status, WorkerId};

/// The running launcher.
#[derive(Debug)]
pub(in crate::serve) struct Shell {
    pub(super) model: Model,
    durable: Durable,
    pub(super) processes: Processes,
    pub(super) timers: Timers,
    pub(super) notifier: Notifier,
    pub(super) signals: UnixStream,
    pub(super) waiting: VecDeque<Event>,
    pub(super) stuck: Option<Stuck>,
    /// Why the disk refused when that was last said, until it takes everything again.
    told_stuck: Option<String>,
    /// The same, as the workers were told it.
    told_workers: Option<String>,
    is_over: bool,
}

impl Shell {
    pub(in crate::serve) fn new(
        bound: Bound,
        journal: Journal,
        model: Model,
    ) -> Result<Self, ServeError> {
        let Bound { settings, layout, lock, listeners, inherited } = bound;
        let durable = Durable::new(lock, layout.clone(), journal)?;
        let mut processes = Processes::new(settings, layout, listeners);
        let (mut model, mut timers) = (model, Timers::default());
        if let Some(inherited) = inherited {
            inherited.fill(&mut model, &mut processes, &mut timers);
        }
        Ok(Self {
            model,
            durable,
            processes,
            timers,
            notifier: Notifier::from_environment(),
            signals: signals().map_err(ServeError::system("watch for signals"))?,
            waiting: VecDeque::new(),
            stuck: None,
            told_stuck: None,
            told_workers: None,
            is_over: false,
        })
    }

    /// `notices` are what the start has to tell, once the good version is started.
    pub(in crate::serve) fn run(
        &mut self,
        first: Vec<Event>,
        notices: Vec<String>,
    ) -> Result<(), ServeError> {
        self.waiting.extend(first);
        self.settle();
        for text in notices {
            let made = self.durable.note(None, &text);
            self.tell(made);
        }
        loop {
            self.settle();
            if self.model.successor().is_some() && self.is_quiet() {
                self.turn(&Event::Quiet);
                self.settle();
            }
            let status = self.status();
            self.notifier.tell(status);
            self.tell_of_the_disk();
            self.notifier.beat();
            if self.is_over {
                return Ok(());
            }
            for source in self.wait()? {
                self.take(source);
            }
            self.cut_errands();
            while let Some(timer) = self.timers.due() {
                self.waiting.push_back(Event::Fired(timer));
            }
        }
    }

    /// Where the host stands; with what waits for the disk.
    fn status(&mut self) -> Status {
        let status = self.model.status();
        if let Some(Stuck { why, .. }) = &self.stuck {
            return status.and(&format!("the disk refuses: {why}"));
        }
        if self.told_stuck.take().is_some() {
            durable_half::log("the disk takes everything again");
        }
        status
    }

    /// Tells the workers what waits for the disk, for the overview that they show.
    fn tell_of_the_disk(&mut self) {
        let refuses = self.stuck.as_ref().map(|stuck| stuck.why.clone());
        if refuses != self.told_workers {
            self.processes.broadcast(&ToWorker::Disk { refuses: refuses.clone() });
            self.told_workers = refuses;
        }
    }

    /// Whether nothing is under way of which a successor would not know.
    fn is_quiet(&self) -> bool {
        self.waiting.is_empty() && self.stuck.is_none() && self.processes.has_no_errand()
    }

    /// Becomes the launcher of `slot`. Comes back only where that cannot be.
    fn succeed(&mut self, slot: &CoreSlot) {
        let exit = if self.is_quiet() && self.model.is_still() {
            self.notifier.reloads(&format!("the launcher of {} takes over", slot.version));
            match self.see_to(slot) {
                Ok(()) => {
                    let mut is_told = false;
                    let exit = succession::become_launcher_of(
                        slot,
                        &self.model,
                        &self.durable,
                        &self.processes,
                        &self.timers,
                        || {
                            is_told = empty(&self.signals);
                            is_told
                        },
                    );
                    if is_told {
                        self.waiting.push_back(Event::Stop);
                    }
                    exit
                }
                Err(exit) => exit,
            }
        } else {
            let how = "could not take over: the disk was full when it should have".to_owned();
            Exit { how, evidence: Evidence::Machine }
        };
        self.waiting.push_back(Event::NoSuccessor(exit));
    }

    /// Decides and carries out until nothing waits.
    fn settle(&mut self) {
        if self.waiting.contains(&Event::Stop) {
            self.give_up_on_the_disk();
        }
        if self.stuck.as_ref().is_some_and(|stuck| stuck.again <= Instant::now()) {
            self.try_the_disk_again();
        }
        while let Some(event) = self.waiting.pop_front() {
            self.turn(&event);
        }
    }

    fn try_the_disk_again(&mut self) {
        if let Some(stuck) = self.stuck.take() {
            self.carry_out(stuck.effects);
        }
    }

    /// A host that is told to end does not wait for a disk that refuses.
    fn give_up_on_the_disk(&mut self) {
        if let Some(stuck) = self.stuck.take() {
            for effect in stuck.effects {
                self.act(effect);
            }
        }
    }

    fn turn(&mut self, event: &Event) {
        let (next, effects) = supervisor::step(&self.model, event.clone());
        let mut effects = VecDeque::from(effects);
        if let Event::Asked { worker, id, .. } = event
            && let Some(first) = effects.pop_front_if(|first| is_durable(first))
            && let Err(error) = self.grant(&first)
        {
            let why = format!("the host could not write it down: {error}");
            self.answer(*worker, *id, Reply::Refused(why));
            return;
        }
        if let Event::Ordered { id, .. } = event
            && let Some(first) = effects.pop_front_if(|first| is_durable(first))
            && let Err(error) = self.grant(&first)
        {
            let why = format!("the host could not write it down: {error}");
            self.answer_order(*id, Reply::Refused(why));
            return;
        }
        self.model = next;
        self.carry_out(effects);
    }

    /// Makes the first effect of a request durable, or gives why the request is refused. It never
    /// overtakes what waits for the disk already.
    fn grant(&mut self, first: &Effect) -> Result<(), String> {
        self.try_the_disk_again();
        match &self.stuck {
            Some(stuck) => Err(stuck.why.clone()),
            None => self.make_durable(first).map_err(|error| chain(&error)),
        }
    }

    fn carry_out(&mut self, mut effects: VecDeque<Effect>) {
        while let Some(effect) = effects.pop_front() {
            if is_durable(&effect) && self.stuck.is_some() {
                effects.push_front(effect);
                return self.park(effects, String::new());
            }
            match self.make_durable(&effect) {
                Ok(()) => self.act(effect),
                Err(_) if self.model.stopping => {}
                Err(error) => {
                    effects.push_front(effect);
                    return self.park(effects, chain(&error));
                }
            }
        }
    }

    /// Keeps effects until the disk takes the first of them, behind those that wait already.
    fn park(&mut self, effects: VecDeque<Effect>, why: String) {
        if let Some(stuck) = &mut self.stuck {
            stuck.effects.extend(effects);
        } else {
            if self.told_stuck.as_ref() != Some(&why) {
                durable_half::log(&format!("the disk refuses ({why}): it is tried again"));
                self.told_stuck = Some(why.clone());
            }
            self.stuck = Some(Stuck::new(effects, why));
        }
        self.waiting.push_back(Event::DiskRefuses);
    }

    fn make_durable(&mut self, effect: &Effect) -> Result<(), ServeError> {
        self.notifier.beat();
        let made = self.durable.carry_out(effect)?;
        self.tell(made);
        Ok(())
    }

    /// Tells the workers what was made durable.
    fn tell(&mut self, made: Option<Made>) {
        match made {
            Some(Made::Record(record)) => {
                self.processes.broadcast(&ToWorker::Appended { record });
            }
            Some(Made::State(state)) => self.processes.broadcast(&ToWorker::Changed { state }),
            None => {}
        }
    }

    /// Carries out what is not durable.
    fn act(&mut self, effect: Effect) {
        match effect {
            Effect::Append { .. } | Effect::Write(_) => {}
            Effect::Notice { update, text } => {
                let made = self.durable.note(update, &text);
                self.tell(made);
            }
            Effect::Answer { worker, id, reply } => self.answer(worker, id, reply),
            Effect::AnswerOrder { id, reply } => self.answer_order(id, reply),
            // It waited for the disk, and is not wanted any more.
            Effect::Spawn { worker, .. } if !self.model.workers.contains_key(&worker) => {}
            Effect::Spawn { worker, slot, on_trial } => {
                let intact = self.see_to(&slot);
                let spawn = |()| self.processes.spawn(worker, &slot, on_trial, &self.model.state);
                if let Err(exit) = intact.and_then(spawn) {
                    self.waiting.push_back(Event::Exited { worker, exit });
                }
            }
            Effect::Probe(worker) => {
                if let Err(exit) = self.processes.probe(worker) {
                    self.waiting.push_back(Event::Probed { worker, result: Err(exit) });
                }
            }
            Effect::Pulse(worker) => self.processes.say(worker, &ToWorker::Pulse),
            Effect::Go(worker) => {
                let state = Box::new(self.model.state.clone());
                self.processes.say(worker, &ToWorker::Go { state });
                // It may have been started since that was told.
                if self.told_workers.is_some() {
                    let refuses = self.told_workers.clone();
                    self.processes.say(worker, &ToWorker::Disk { refuses });
                }
            }
            Effect::Drain(worker, heir) => {
                let within = self.model.timing.drain_within.as_millis();
                let within_ms = u64::try_from(within).unwrap_or(u64::MAX);
                self.processes.say(worker, &ToWorker::Drain { within_ms, heir });
            }
            Effect::Succeed(slot) => self.succeed(&slot),
            Effect::Kill(worker) => self.processes.kill(worker),
            Effect::Expand(slot) => {
                let within = self.model.expand_within();
                let begun = self.see_to(&slot).and_then(|()| self.processes.expand(&slot, within));
                if let Err(exit) = begun {
                    self.waiting.push_back(Event::Expanded(Err(exit)));
                }
            }
            Effect::OpenRecovery(_) => {
                if let Err(exit) = self.processes.open_recovery(&self.model.state) {
                    self.waiting.push_back(Event::RecoveryGone(exit));
                }
            }
            Effect::CloseRecovery => self.processes.close_recovery(),
            Effect::Wake(timer, after) => self.timers.set(timer, after),
            Effect::Exit => self.is_over = true,
        }
    }

    /// Refuses a slot whose program is damaged, or mends it and says so in the journal.
    fn see_to(&mut self, slot: &CoreSlot) -> Result<(), Exit> {
        let Processes { layout, settings, .. } = &self.processes;
        // A program is read whole, which a slow disk may take its time for.
        self.notifier.is_alive();
        let looked = intact::check(layout, slot, &settings.image);
        self.notifier.is_alive();
        if let Program::Mended(told) = looked? {
            let made = self.durable.note(None, &told);
            self.tell(made);
        }
        Ok(())
    }

    fn answer(&mut self, worker: WorkerId, id: u64, reply: Reply) {
        let answer = self.answer_of(reply);
        self.processes.say(worker, &ToWorker::Answer { id, answer });
    }

    fn answer_order(&mut self, id: u64, reply: Reply) {
        let answer = self.answer_of(reply);
        self.processes.say_to_recovery(&ToWorker::Answer { id, answer });
    }

    fn answer_of(&self, reply: Reply) -> Answer {
        let answer = match reply {
            Reply::Appended => self
                .durable
                .last
                .clone()
                .map(|record| Answer::Appended { record: Box::new(record) }),
            Reply::Changed => self.durable.written.clone().map(|state| Answer::Changed { state }),
            Reply::Refused(why) => Some(Answer::refused(why)),
            Reply::Busy(why) => Some(Answer::Refused { why, ground: Ground::Moment }),
        };
        // Nothing was made durable, so there is nothing to tell of: the machine never says so.
        let nothing = || Answer::refused("nothing was written".to_owned());
        answer.unwrap_or_else(nothing)
    }
}
