//! The machine under a clock that only these tests turn: deaths at exact instants of a probation
//! of a minute, with every wait as it is by default.

use std::collections::BTreeMap;
use std::time::Duration;

use newleaf_domain::Version;

use super::*;
use crate::journal::{Ending, Entry};
use crate::proto::{Ask, Pulse};
use crate::sample;
use crate::state::{CorePhase, CoreState, Way};

/// From a worker's start to its `Ready`.
const START: Duration = Duration::from_millis(300);
/// From any other question to its answer.
const ANSWER: Duration = Duration::from_millis(5);

/// A launcher whose workers start, answer and drain as they should, until they are told to die.
struct Machine {
    now: Duration,
    model: Model,
    timers: BTreeMap<Timer, Duration>,
    coming: BTreeMap<(Duration, u64), Event>,
    counted: u64,
    /// When each worker on trial was told to go.
    watched: Vec<(WorkerId, Duration)>,
    /// Each worker with its version and the time of its start.
    started: Vec<(WorkerId, Version)>,
    endings: Vec<Ending>,
}

impl Machine {
    /// 1.0.0 serves, 1.1.0 was put on trial and serves in its probation.
    fn in_probation() -> Self {
        let mut machine = Self {
            now: Duration::ZERO,
            model: Model::new(sample::state(), Timing::default()),
            timers: BTreeMap::new(),
            coming: BTreeMap::new(),
            counted: 0,
            watched: Vec::new(),
            started: Vec::new(),
            endings: Vec::new(),
        };
        machine.take(Event::Start(None));
        machine.runs_for(Duration::from_secs(10));
        let slot = Box::new(sample::slot("1.1.0"));
        let (update, way) = (sample::update(), Way::Forward);
        let ask = Ask::Arm { update, slot, way, expand_within_ms: None };
        machine.take(Event::Asked { worker: WorkerId(1), id: 1, ask });
        machine.until_watched(1);
        machine
    }

    fn core(&self) -> &CoreState {
        &self.model.state.core
    }

    /// Goes on until `times` starts on trial were told to go.
    fn until_watched(&mut self, times: usize) {
        while self.watched.len() < times {
            let next = self.next().unwrap();
            self.go_to(next);
        }
    }

    fn runs_for(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(next) = self.next().filter(|next| *next <= until) {
            self.go_to(next);
        }
        self.now = until;
    }

    /// The one that is watched dies exactly so long after it was told to go.
    fn dies_at(&mut self, after: Duration) {
        let (worker, since) = *self.watched.last().unwrap();
        self.runs_for((since + after).checked_sub(self.now).unwrap());
        self.exits(worker);
    }

    fn exits(&mut self, worker: WorkerId) {
        let exit = Exit { how: "exited with status 1".to_owned(), evidence: Evidence::Release };
        self.take(Event::Exited { worker, exit });
    }

    fn next(&self) -> Option<Duration> {
        let coming = self.coming.keys().next().map(|(at, _)| *at);
        self.timers.values().min().copied().into_iter().chain(coming).min()
    }

    /// What is due then; answers before timers.
    fn go_to(&mut self, now: Duration) {
        self.now = now;
        while let Some(event) = self.coming.first_entry().filter(|it| it.key().0 <= now) {
            let event = event.remove();
            self.take(event);
        }
        let due = self.timers.iter().find(|(_, at)| **at <= now).map(|(timer, _)| *timer);
        if let Some(timer) = due {
            self.timers.remove(&timer);
            self.take(Event::Fired(timer));
        }
    }

    fn take(&mut self, event: Event) {
        let (model, effects) = step(&self.model, event);
        self.model = model;
        for effect in effects {
            self.carry_out(effect);
        }
    }

    fn comes(&mut self, after: Duration, event: Event) {
        self.counted += 1;
        self.coming.insert((self.now + after, self.counted), event);
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Spawn { worker, slot, .. } => {
                self.started.push((worker, slot.version));
                let pulse = Pulse::Answered;
                let ready = Event::Ready { worker, took: START, pulse, oldest_reader: None };
                self.comes(START, ready);
            }
            Effect::Probe(worker) => self.comes(ANSWER, Event::Probed { worker, result: Ok(()) }),
            Effect::Pulse(worker) => self.comes(ANSWER, Event::Pulse(worker)),
            Effect::Go(worker) => {
                let which = self.model.workers.get(&worker).map(|worker| worker.which);
                if which == Some(Which::Trial) {
                    self.watched.push((worker, self.now));
                }
            }
            Effect::Drain(worker, _) => {
                let exit =
                    Exit { how: "exited with status 0".to_owned(), evidence: Evidence::Release };
                self.comes(ANSWER, Event::Exited { worker, exit });
            }
            Effect::Wake(timer, after) => {
                self.timers.insert(timer, self.now + after);
            }
            Effect::Append { entry: Entry::Ended { ending, .. }, .. } => self.endings.push(ending),
            Effect::Append { .. }
            | Effect::Notice { .. }
            | Effect::Write(_)
            | Effect::Answer { .. }
            | Effect::AnswerOrder { .. }
            | Effect::Kill(_)
            | Effect::Succeed(_)
            | Effect::Expand(_)
            | Effect::OpenRecovery(_)
            | Effect::CloseRecovery
            | Effect::Exit => {}
        }
    }

    /// The version that serves.
    fn serves(&self) -> Option<&str> {
        let worker = self.model.workers.get(&self.model.serving()?)?;
        Some(worker.slot.version.as_str())
    }
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_version_that_dies_at_5_s_and_again_at_59_s_of_its_minute_is_taken_back() {
    let mut machine = Machine::in_probation();
    machine.dies_at(seconds(5));
    assert_eq!(machine.core().phase, CorePhase::Trial, "the first death costs a try");
    machine.until_watched(2);
    assert_eq!(machine.serves(), Some("1.1.0"));
    machine.dies_at(seconds(59));
    machine.runs_for(seconds(60));
    assert_eq!((machine.serves(), machine.core().phase), (Some("1.0.0"), CorePhase::Idle));
    assert_eq!(machine.endings, [Ending::RolledBack]);
    assert_eq!(machine.model.state.bad.len(), 1);
}

#[test]
fn the_minute_begins_anew_with_the_second_try() {
    let mut machine = Machine::in_probation();
    machine.dies_at(seconds(59));
    machine.until_watched(2);
    machine.runs_for(seconds(59));
    assert_eq!(machine.core().phase, CorePhase::Probation, "it was watched for 59 s");
    machine.runs_for(seconds(2));
    assert_eq!(machine.endings, [Ending::Committed]);
}

#[test]
fn a_version_that_dies_at_61_s_is_started_again_and_stays_good() {
    let mut machine = Machine::in_probation();
    machine.dies_at(seconds(61));
    assert_eq!(machine.endings, [Ending::Committed]);
    machine.runs_for(seconds(10));
    let starts = machine.started.iter().map(|(_, version)| version.as_str());
    assert_eq!(starts.collect::<Vec<_>>(), ["1.0.0", "1.1.0", "1.1.0"]);
    assert_eq!((machine.serves(), machine.core().good.version.as_str()), (Some("1.1.0"), "1.1.0"));
    assert!(machine.model.state.bad.is_empty() && machine.endings.len() == 1);
}

/// The last probe is asked at 60 s and answered a little later: until then nothing is proven.
#[test]
fn a_version_that_dies_with_its_last_probe_under_way_is_not_good_yet() {
    let mut machine = Machine::in_probation();
    machine.dies_at(seconds(60));
    assert_eq!(machine.core().phase, CorePhase::Trial);
    assert!(machine.endings.is_empty());
}
