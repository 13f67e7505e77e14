//! What the stories are made of: a machine with what it did so far, events, and beginnings.

use super::*;

/// A machine with what it did so far.
pub(super) struct Story {
    pub(super) model: Model,
    pub(super) told: String,
}

impl Story {
    pub(super) fn of(state: State) -> Self {
        Self { model: Model::new(state, Timing::default()), told: String::new() }
    }

    pub(super) fn then(mut self, event: Event) -> Self {
        let (model, effects) = step(&self.model, event);
        self.model = model;
        for effect in effects {
            if !matches!(effect, Effect::Wake(..)) {
                writeln!(self.told, "{}", short(&effect)).unwrap();
            }
        }
        self
    }

    pub(super) fn all(self, events: impl IntoIterator<Item = Event>) -> Self {
        events.into_iter().fold(self, Self::then)
    }

    /// What was done since the last call.
    pub(super) fn tell(&mut self) -> String {
        std::mem::take(&mut self.told)
    }
}

fn short(effect: &Effect) -> String {
    match effect {
        Effect::Append { entry, .. } => format!("record {}", short_entry(entry)),
        Effect::Notice { text, .. } => format!("notice {text}"),
        Effect::Write(state) => {
            let core = &state.core;
            let trial = core.trial.as_ref().map_or_else(String::new, |trial| {
                format!(" trial {} tries {}", trial.slot.version, trial.tries)
            });
            let bad = if state.bad.is_empty() { "" } else { " bad" };
            format!("state good {} {:?}{trial}{bad}", core.good.version, core.phase)
        }
        Effect::Answer { reply, .. } | Effect::AnswerOrder { reply, .. } => {
            format!("answer {reply:?}")
        }
        Effect::Spawn { worker, slot, on_trial } => {
            let as_what = if *on_trial { " on trial" } else { "" };
            format!("spawn {worker} {}{as_what}", slot.version)
        }
        Effect::Succeed(slot) => format!("become the launcher of {}", slot.version),
        Effect::Expand(slot) => format!("expand {}", slot.version),
        Effect::Probe(worker) => format!("probe {worker}"),
        Effect::Pulse(worker) => format!("ask {worker} for its pulse"),
        Effect::Go(worker) => format!("go {worker}"),
        Effect::Drain(worker, Heir::Serves) => format!("drain {worker}"),
        Effect::Drain(worker, Heir::None) => format!("drain {worker}, the last"),
        Effect::Kill(worker) => format!("kill {worker}"),
        Effect::OpenRecovery(reason) => format!("open recovery: {reason}"),
        Effect::CloseRecovery => "close recovery".to_owned(),
        Effect::Wake(timer, after) => format!("wake {timer:?} {after:?}"),
        Effect::Exit => "exit".to_owned(),
    }
}

fn short_entry(entry: &Entry) -> String {
    match entry {
        Entry::Started { step } => format!("started {step}"),
        Entry::Finished { step, outcome: Outcome::Done { detail } } if detail.is_empty() => {
            format!("finished {step}")
        }
        Entry::Finished { step, outcome } => format!("finished {step} {outcome:?}"),
        Entry::Failed { step, failure } => format!("failed {step}: {}", failure.what),
        Entry::Ended { ending, reason } => {
            format!("ended {ending:?} {}", reason.as_deref().unwrap_or_default())
        }
        Entry::Notice { text } => format!("notice {text}"),
        Entry::Began { .. } | Entry::Unknown => format!("{entry:?}"),
    }
}

pub(super) fn w(id: u64) -> WorkerId {
    WorkerId(id)
}

pub(super) fn ready(id: u64) -> Event {
    ready_with(id, None)
}

pub(super) fn ready_with(id: u64, oldest_reader: Option<u32>) -> Event {
    let took = Duration::from_millis(30);
    Event::Ready { worker: w(id), took, pulse: Pulse::Answered, oldest_reader }
}

pub(super) fn healthy(id: u64) -> Event {
    Event::Probed { worker: w(id), result: Ok(()) }
}

pub(super) fn unhealthy(id: u64) -> Event {
    let exit = Exit { how: "answered 503".to_owned(), evidence: Evidence::Release };
    Event::Probed { worker: w(id), result: Err(exit) }
}

/// The machine had no process left for the probe.
pub(super) fn unasked(id: u64) -> Event {
    let exit = Exit { how: "could not be probed".to_owned(), evidence: Evidence::Machine };
    Event::Probed { worker: w(id), result: Err(exit) }
}

pub(super) fn exited(id: u64) -> Event {
    let exit = Exit { how: "exited with status 1".to_owned(), evidence: Evidence::Release };
    Event::Exited { worker: w(id), exit }
}

pub(super) fn out_of_disk(id: u64) -> Event {
    let exit = Exit { how: "exited with status 75".to_owned(), evidence: Evidence::Machine };
    Event::Exited { worker: w(id), exit }
}

pub(super) fn page_gone() -> Event {
    let exit = Exit { how: "was ended by signal 9".to_owned(), evidence: Evidence::Release };
    Event::RecoveryGone(exit)
}

pub(super) fn probation_over(id: u64) -> Event {
    Event::Fired(Timer::Probation(w(id)))
}

pub(super) fn damaged(id: u64) -> Event {
    let exit = Exit { how: "is damaged on disk".to_owned(), evidence: Evidence::Damage };
    Event::Exited { worker: w(id), exit }
}

pub(super) fn unreadable(id: u64) -> Event {
    let exit = Exit { how: "cannot be read".to_owned(), evidence: Evidence::Unreadable };
    Event::Exited { worker: w(id), exit }
}

pub(super) fn asked(id: u64, ask: Ask) -> Event {
    Event::Asked { worker: w(id), id: 1, ask }
}

pub(super) fn arm() -> Ask {
    arm_to("1.1.0", Way::Forward)
}

pub(super) fn arm_to(version: &str, way: Way) -> Ask {
    let slot = Box::new(sample::slot(version));
    Ask::Arm { update: sample::update(), slot, way, expand_within_ms: None }
}

pub(super) fn abort() -> Ask {
    Ask::Abort { update: sample::update(), app: None, bad: None }
}

/// 1.0.0 serves as worker 1.
pub(super) fn serving() -> Story {
    let mut story = Story::of(sample::state()).all([Event::Start(None), ready(1), healthy(1)]);
    story.tell();
    story
}

/// 1.0.0 serves as worker 1, 1.1.0 starts on trial as worker 2.
pub(super) fn on_trial() -> Story {
    let mut story = serving().then(asked(1, arm()));
    story.tell();
    story
}

/// 1.1.0 serves as worker 2 and is watched; worker 1 has drained.
pub(super) fn in_probation() -> Story {
    let drained = Event::Exited {
        worker: w(1),
        exit: Exit { how: "exited with status 0".to_owned(), evidence: Evidence::Release },
    };
    let mut story = on_trial().all([ready(2), healthy(2), drained]);
    story.tell();
    story
}

/// 1.1.0 is good, 1.0.0 was so before.
pub(super) fn updated() -> State {
    let mut state = sample::state();
    state.core.previous = Some(std::mem::replace(&mut state.core.good, sample::slot("1.1.0")));
    state
}
