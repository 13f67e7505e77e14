//! The loop: waits, turns what happened into events, and carries out the effects.

use std::collections::VecDeque;
use std::io::Read as _;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};

use super::durable_half::{Durable, Made, Stuck, is_durable};
use super::intact::{self, Program};
use super::notify::Notifier;
use super::timers::Timers;
use super::workers::{Expansion, Processes};
use super::{Bound, ServeError, durable_half, succession};
use crate::durable::chain;
use crate::journal::Journal;
use crate::proto::{Answer, Ground, ToLauncher, ToWorker};
use crate::state::CoreSlot;
use crate::supervisor::{self, Effect, Event, Evidence, Exit, Model, Reply, Status, WorkerId};
use crate::wire::{UnknownForm, WireError};

/// The running launcher.
#[derive(Debug)]
pub(super) struct Shell {
    model: Model,
    durable: Durable,
    processes: Processes,
    timers: Timers,
    notifier: Notifier,
    signals: UnixStream,
    waiting: VecDeque<Event>,
    stuck: Option<Stuck>,
    /// Why the disk refused when that was last said, until it takes everything again.
    told_stuck: Option<String>,
    /// The same, as the workers were told it.
    told_workers: Option<String>,
    is_over: bool,
}

/// What a descriptor in the poll set is.
#[derive(Debug, Clone, Copy)]
enum Source {
    Signals,
    Wire(WorkerId),
    Exit(WorkerId),
    Probe(WorkerId),
    Expand,
    Recovery,
    RecoveryWire,
    Closing,
}

impl Shell {
    pub(super) fn new(bound: Bound, journal: Journal, model: Model) -> Result<Self, ServeError> {
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
    pub(super) fn run(
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

    /// Sleeps until something happens; gives what did.
    fn wait(&self) -> Result<Vec<Source>, ServeError> {
        let processes = &self.processes;
        let mut set = vec![(Source::Signals, self.signals.as_fd())];
        for (id, worker) in &processes.workers {
            set.push((Source::Wire(*id), worker.wire.as_fd()));
            set.push((Source::Exit(*id), worker.process.exited.as_fd()));
        }
        for (id, probe) in &processes.probes {
            set.push((Source::Probe(*id), probe.process.exited.as_fd()));
        }
        let expand = processes.expand.iter().map(|expansion| &expansion.errand);
        set.extend(expand.map(|errand| (Source::Expand, errand.process.exited.as_fd())));
        set.extend(processes.recovery.iter().flat_map(|recovery| {
            let wire = (Source::RecoveryWire, recovery.wire.as_fd());
            [wire, (Source::Recovery, recovery.process.exited.as_fd())]
        }));
        let closing = processes.closing.iter();
        set.extend(closing.map(|page| (Source::Closing, page.process.exited.as_fd())));
        let mut polled = set
            .iter()
            .map(|(_, fd)| PollFd::from_borrowed_fd(*fd, PollFlags::IN))
            .collect::<Vec<_>>();
        let timeout = self.until_next();
        match rustix::event::poll(&mut polled, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(ServeError::system("poll")(error)),
        }
        let ready = |((source, _), polled): ((Source, BorrowedFd<'_>), PollFd<'_>)| {
            (!polled.revents().is_empty()).then_some(source)
        };
        Ok(set.into_iter().zip(polled).filter_map(ready).collect())
    }

    /// How long nothing can be due; for ever where nothing is set.
    fn until_next(&self) -> Option<Timespec> {
        if !self.waiting.is_empty() {
            return Some(Timespec { tv_sec: 0, tv_nsec: 0 });
        }
        let moments = [
            self.timers.next(),
            self.processes.next_deadline(),
            self.notifier.next_beat(),
            self.stuck.as_ref().map(|stuck| stuck.again),
        ];
        let next = moments.into_iter().flatten().min()?;
        let wait = next.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        Timespec::try_from(wait).ok()
    }

    fn take(&mut self, source: Source) {
        match source {
            Source::Signals => self.take_signals(),
            Source::Wire(id) => self.take_message(id),
            Source::Exit(id) => self.take_exit(id),
            Source::Probe(id) => self.take_probe(id),
            Source::Expand => self.take_expand(),
            Source::RecoveryWire => self.take_order(),
            Source::Closing => {
                if let Some(mut page) = self.processes.closing.take() {
                    page.process.reap();
                }
            }
            Source::Recovery => {
                if let Some(mut recovery) = self.processes.recovery.take() {
                    let exit = recovery.process.reap();
                    self.waiting.push_back(Event::RecoveryGone(exit));
                }
            }
        }
    }

    fn take_signals(&mut self) {
        empty(&self.signals);
        self.waiting.push_back(Event::Stop);
    }

    fn take_message(&mut self, id: WorkerId) {
        let Some(worker) = self.processes.workers.get_mut(&id) else { return };
        match worker.wire.receive::<ToLauncher>() {
            Ok((ToLauncher::Ready { pulse, oldest_reader, .. }, _)) => {
                let took = worker.process.started.elapsed();
                let ready = Event::Ready { worker: id, took, pulse, oldest_reader };
                self.waiting.push_back(ready);
            }
            Ok((ToLauncher::Pulse, _)) => self.waiting.push_back(Event::Pulse(id)),
            Ok((ToLauncher::Ask { id: number, ask }, _)) => {
                self.waiting.push_back(Event::Asked { worker: id, id: number, ask });
            }
            // It exits next, and that is told by its process.
            Ok((ToLauncher::Drained, _)) => {}
            Ok((ToLauncher::LastWords { why }, _)) => worker.hear_last(&why),
            // A worker orders no repairs.
            Ok((ToLauncher::Repair { id: number, .. }, _)) => {
                self.waiting.push_back(Event::Unknown { worker: id, id: Some(number) });
            }
            Err(WireError::Form(UnknownForm { id: number, .. })) => {
                self.waiting.push_back(Event::Unknown { worker: id, id: number });
            }
            // Not even its number is known, so nobody can be answered.
            Err(
                WireError::TooLong { .. } | WireError::TooMany { .. } | WireError::Enclosure(_),
            ) => {
                self.waiting.push_back(Event::Unknown { worker: id, id: None });
            }
            // A worker without its control socket cannot be told anything any more.
            Err(WireError::Closed | WireError::Full | WireError::System(_)) => {
                worker.process.kill();
            }
        }
    }

    /// The recovery page's process orders repairs; nothing else of what it says counts.
    fn take_order(&mut self) {
        let Some(recovery) = &mut self.processes.recovery else { return };
        match recovery.wire.receive::<ToLauncher>() {
            Ok((ToLauncher::Repair { id, repair }, _)) => {
                self.waiting.push_back(Event::Ordered { id, repair });
            }
            Ok((
                ToLauncher::Ready { .. }
                | ToLauncher::Pulse
                | ToLauncher::Drained
                | ToLauncher::LastWords { .. }
                | ToLauncher::Ask { .. },
                _,
            ))
            | Err(
                WireError::Form(_)
                | WireError::TooLong { .. }
                | WireError::TooMany { .. }
                | WireError::Enclosure(_),
            ) => {}
            // Its exit is told next.
            Err(WireError::Closed | WireError::Full | WireError::System(_)) => {
                recovery.process.kill();
            }
        }
    }

    fn take_exit(&mut self, id: WorkerId) {
        let Some(worker) = self.processes.workers.get_mut(&id) else { return };
        let exit = worker.end();
        self.processes.kill(id);
        self.waiting.push_back(Event::Exited { worker: id, exit });
    }

    fn take_probe(&mut self, id: WorkerId) {
        let Some(mut probe) = self.processes.probes.remove(&id) else { return };
        let Exit { how, .. } = probe.process.reap();
        let (end, said) = (probe.process.end(), probe.process.said());
        let result = match said.is_empty() {
            _ if end.is_success() => Ok(()),
            // What it says, a worker answered, or did not.
            false => Err(Exit { how: said, evidence: Evidence::Release }),
            true => {
                let how = format!("could not be asked: its probe {how}");
                Err(Exit { how, evidence: end.evidence_of_errand() })
            }
        };
        self.waiting.push_back(Event::Probed { worker: id, result });
    }

    fn take_expand(&mut self) {
        let Some(Expansion { mut errand, report }) = self.processes.expand.take() else { return };
        let Exit { how, .. } = errand.process.reap();
        let end = errand.process.end();
        let how = report.last_line().map_or_else(|| how.clone(), |why| format!("{how}: {why}"));
        let failed = || Exit { how, evidence: end.evidence_of_errand() };
        let result = if end.is_success() { Ok(()) } else { Err(failed()) };
        self.waiting.push_back(Event::Expanded(result));
    }

    /// Ends probes, expands and a recovery page's last answers that took too long.
    fn cut_errands(&mut self) {
        let now = Instant::now();
        if let Some(mut page) = self.processes.closing.take_if(|page| page.until <= now) {
            page.process.kill();
        }
        let probes = &mut self.processes.probes;
        let late = probes.iter().filter(|(_, probe)| probe.until <= now).map(|(id, _)| *id);
        for id in late.collect::<Vec<_>>() {
            if let Some(mut probe) = self.processes.probes.remove(&id) {
                probe.process.kill();
                let how = "its probe gave no answer in time".to_owned();
                let result = Err(Exit { how, evidence: Evidence::Release });
                self.waiting.push_back(Event::Probed { worker: id, result });
            }
        }
        let expand = &mut self.processes.expand;
        if let Some(mut expansion) = expand.take_if(|expansion| expansion.errand.until <= now) {
            expansion.errand.process.kill();
            let within = self.model.expand_within().as_secs_f32();
            let how = format!("was not done within {within} s");
            // A busy disk is slow too: as where the old version serves meanwhile, nobody is blamed.
            let exit = Exit { how, evidence: Evidence::Machine };
            self.waiting.push_back(Event::Expanded(Err(exit)));
        }
    }
}

/// Whether a signal was told of, which it is no more. The bytes carry nothing.
fn empty(mut signals: &UnixStream) -> bool {
    signals.read(&mut [0; 64]).is_ok_and(|count| count > 0)
}

/// A stream that becomes readable when the launcher is told to end.
fn signals() -> std::io::Result<UnixStream> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::low_level::pipe::register(signal, theirs.try_clone()?)?;
    }
    Ok(ours)
}
