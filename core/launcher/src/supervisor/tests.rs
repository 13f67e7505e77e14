//! The machine without processes: stories of one update each, and the whole matrix as a golden.

use std::fmt::Write as _;
use std::time::Duration;

use super::*;
use crate::journal::{Entry, Outcome, Unfinished};
use crate::proto::{Ask, Pulse, Repair};
use crate::sample;
use crate::state::{CorePhase, CoreSlot, State, Way};

/// A machine with what it did so far.
struct Story {
    model: Model,
    told: String,
}

impl Story {
    fn of(state: State) -> Self {
        Self { model: Model::new(state, Timing::default()), told: String::new() }
    }

    fn then(mut self, event: Event) -> Self {
        let (model, effects) = step(&self.model, event);
        self.model = model;
        for effect in effects {
            if !matches!(effect, Effect::Wake(..)) {
                writeln!(self.told, "{}", short(&effect)).unwrap();
            }
        }
        self
    }

    fn all(self, events: impl IntoIterator<Item = Event>) -> Self {
        events.into_iter().fold(self, Self::then)
    }

    /// What was done since the last call.
    fn tell(&mut self) -> String {
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
        Effect::Drain(worker) => format!("drain {worker}"),
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

fn w(id: u64) -> WorkerId {
    WorkerId(id)
}
fn ready(id: u64) -> Event {
    Event::Ready { worker: w(id), took: Duration::from_millis(30), pulse: Pulse::Answered }
}
fn healthy(id: u64) -> Event {
    Event::Probed { worker: w(id), result: Ok(()) }
}
fn unhealthy(id: u64) -> Event {
    Event::Probed { worker: w(id), result: Err("answered 503".to_owned()) }
}
fn exited(id: u64) -> Event {
    let exit = Exit { how: "exited with status 1".to_owned(), evidence: Evidence::Release };
    Event::Exited { worker: w(id), exit }
}
fn out_of_disk(id: u64) -> Event {
    let exit = Exit { how: "exited with status 75".to_owned(), evidence: Evidence::Machine };
    Event::Exited { worker: w(id), exit }
}
fn probation_over(id: u64) -> Event {
    Event::Fired(Timer::Probation(w(id)))
}
fn damaged(id: u64) -> Event {
    let exit = Exit { how: "is damaged on disk".to_owned(), evidence: Evidence::Damage };
    Event::Exited { worker: w(id), exit }
}
fn asked(id: u64, ask: Ask) -> Event {
    Event::Asked { worker: w(id), id: 1, ask }
}
fn arm() -> Ask {
    arm_to("1.1.0", Way::Forward)
}
fn arm_to(version: &str, way: Way) -> Ask {
    Ask::Arm { update: sample::update(), slot: Box::new(sample::slot(version)), way }
}
fn abort() -> Ask {
    Ask::Abort { update: sample::update(), app: None, bad: None }
}
fn unfinished(step: crate::journal::StepId) -> Unfinished {
    Unfinished {
        update: sample::update(),
        to: sample::slot("1.1.0").version,
        digest: sample::slot("1.1.0").digest,
        way: Way::Forward,
        step: Some(step),
        failed: None,
    }
}

/// 1.0.0 serves as worker 1.
fn serving() -> Story {
    let mut story = Story::of(sample::state()).all([Event::Start(None), ready(1), healthy(1)]);
    story.tell();
    story
}

/// 1.0.0 serves as worker 1, 1.1.0 starts on trial as worker 2.
fn on_trial() -> Story {
    let mut story = serving().then(asked(1, arm()));
    story.tell();
    story
}

/// 1.1.0 serves as worker 2 and is watched; worker 1 has drained.
fn in_probation() -> Story {
    let drained = Event::Exited {
        worker: w(1),
        exit: Exit { how: "exited with status 0".to_owned(), evidence: Evidence::Release },
    };
    let mut story = on_trial().all([ready(2), healthy(2), drained]);
    story.tell();
    story
}

#[test]
fn a_good_update_goes_from_arm_to_commit() {
    let mut story =
        serving().all([asked(1, arm()), ready(2), healthy(2), probation_over(2), healthy(2)]);
    insta::assert_snapshot!(story.tell());
    assert_eq!(story.model.state.core.previous, Some(sample::slot("1.0.0")));
}

#[test]
fn a_version_that_exits_at_each_start_is_bad_and_the_old_one_never_stopped() {
    let mut story = on_trial().all([exited(2), exited(3)]);
    insta::assert_snapshot!(story.tell());
    assert_eq!(story.model.serving(), Some(w(1)));
}

#[test]
fn a_version_that_hangs_is_ended_at_the_deadline() {
    let mut story =
        on_trial().all([Event::Fired(Timer::Ready(w(2))), Event::Fired(Timer::Ready(w(3)))]);
    insta::assert_snapshot!(story.tell());
}

#[test]
fn an_unhealthy_version_never_accepts() {
    let mut story = on_trial().all([ready(2), unhealthy(2), ready(3), unhealthy(3)]);
    let told = story.tell();
    assert!(!told.contains("go "), "{told}");
    insta::assert_snapshot!(told);
}

#[test]
fn two_exits_in_probation_take_the_old_version_back() {
    let mut story = in_probation().all([exited(2), ready(3), healthy(3), exited(3)]);
    assert!(story.model.state.bad.is_empty(), "bad before the old version came up");
    story = story.all([ready(4), healthy(4)]);
    insta::assert_snapshot!(story.tell());
}

#[test]
fn an_unhealthy_version_in_probation_serves_until_the_old_one_is_up() {
    let mut story = in_probation().all([unhealthy(2), unhealthy(2), ready(3), healthy(3)]);
    insta::assert_snapshot!(story.tell());
}

#[test]
fn a_version_that_is_unhealthy_when_its_probation_ends_is_not_good() {
    let mut story = in_probation().all([unhealthy(2), probation_over(2)]);
    assert!(!story.tell().contains("Idle"), "it is made good without being asked again");
    story = story.then(unhealthy(2));
    assert!(story.tell().contains("failed commit: 1.1.0 became unhealthy"));
    assert_eq!(story.model.state.core.good, sample::slot("1.0.0"));
}

#[test]
fn one_hiccup_at_the_end_of_the_probation_only_delays_the_commit() {
    let probed = Event::Fired(Timer::Probe(w(2)));
    let story = in_probation().all([probation_over(2), unhealthy(2), probed, healthy(2)]);
    assert_eq!(story.model.state.core.good, sample::slot("1.1.0"));
}

#[test]
fn a_full_disk_is_never_evidence() {
    let mut story = on_trial().then(out_of_disk(2));
    insta::assert_snapshot!(story.tell());
    assert!(story.model.state.bad.is_empty());
}

/// 1.1.0 is good, 1.0.0 was so before.
fn updated() -> State {
    let mut state = sample::state();
    state.core.previous = Some(std::mem::replace(&mut state.core.good, sample::slot("1.1.0")));
    state
}

#[test]
fn a_damaged_good_version_is_stood_in_for_by_the_one_before_and_is_not_bad() {
    let mut story = Story::of(updated()).all([Event::Start(None), damaged(1)]);
    assert_eq!(
        story.tell(),
        "spawn 1 1.1.0\n\
         notice 1.0.0 serves in the place of 1.1.0, which is damaged on disk\n\
         spawn 2 1.0.0\n\
         state good 1.0.0 Idle\n"
    );
    let core = &story.model.state.core;
    assert_eq!(core.previous, None);
    assert!(core.stand_in.as_ref().unwrap().contains("damaged on disk"));
    let story = story.all([
        ready(2),
        healthy(2),
        asked(2, arm()),
        ready(3),
        healthy(3),
        Event::Fired(Timer::Probation(w(3))),
        healthy(3),
    ]);
    assert_eq!(story.model.state.core.good.version.as_str(), "1.1.0", "it can be brought anew");
    assert_eq!(story.model.state.core.stand_in, None);
}

#[test]
fn where_both_are_damaged_the_recovery_page_says_so_at_once_and_a_mended_one_comes_up() {
    let mut story = Story::of(updated()).all([Event::Start(None), damaged(1)]);
    story.tell();
    let mut story = story.then(damaged(2));
    assert_eq!(
        story.tell(),
        "notice 1.0.0 is damaged on disk\nopen recovery: 1.0.0 is damaged on disk\n"
    );
    let story = story.all([Event::Fired(Timer::Respawn), ready(3), healthy(3)]);
    assert_eq!(story.model.serving(), Some(w(3)));
}

fn ordered(repair: Repair) -> Event {
    Event::Ordered { id: 7, repair }
}

fn start_previous() -> Repair {
    let plan = newleaf_domain::PlanId::of(sample::slot("1.0.0").digest);
    Repair::StartPrevious { update: sample::update(), plan }
}

/// 1.1.0 is good and exits at each start; the recovery page is open.
fn in_recovery() -> Story {
    let respawn = || Event::Fired(Timer::Respawn);
    let exits = [exited(1), respawn(), exited(2), respawn(), exited(3)];
    let mut story = Story::of(updated()).then(Event::Start(None)).all(exits);
    assert!(story.tell().contains("open recovery"));
    story
}

#[test]
fn the_version_before_is_tried_and_watched_when_the_recovery_page_orders_it() {
    let mut story = in_recovery().then(ordered(start_previous())).all([ready(4), healthy(4)]);
    insta::assert_snapshot!(story.tell());
    let story = story.all([probation_over(4), healthy(4)]);
    assert_eq!(story.model.state.core.good.version.as_str(), "1.0.0");
    assert!(story.model.state.bad.is_empty(), "a way back blames nobody");
}

#[test]
fn the_good_version_is_started_at_once_when_the_recovery_page_orders_it() {
    let mut story = in_recovery().then(ordered(Repair::TryAgain));
    let told = story.tell();
    assert!(told.ends_with("answer Appended\nspawn 4 1.1.0\n"), "{told}");
    let mut story = story.then(ordered(Repair::TryAgain));
    assert!(!story.tell().contains("spawn"), "it starts already");
    let mut story = story.all([ready(4), healthy(4)]);
    story.tell();
    let mut story = story.then(ordered(Repair::TryAgain));
    assert_eq!(story.tell(), "answer Refused(\"core 1.1.0 serves\")\n");
}

#[test]
fn an_order_that_cannot_be_carried_out_says_why() {
    let mut state = updated();
    state.core.good.oldest_reader = 2;
    let mut story = Story::of(state).then(ordered(start_previous()));
    assert!(story.tell().contains("can be read from schema 2 on"));
    let mut story = Story::of(sample::state()).then(ordered(start_previous()));
    assert!(story.tell().contains("no version before"));
    let mut story = in_recovery().all([ordered(start_previous()), ordered(start_previous())]);
    assert!(story.tell().contains("core is being updated"));
}

#[test]
fn the_version_before_does_not_stand_in_on_data_that_it_cannot_read() {
    let mut state = updated();
    state.core.good.oldest_reader = 2;
    let mut story = Story::of(state).all([Event::Start(None), damaged(1)]);
    assert!(story.tell().contains("open recovery: 1.1.0 is damaged on disk"));
}

#[test]
fn a_trial_that_is_damaged_on_disk_is_taken_back_and_is_not_bad() {
    let story = on_trial().then(damaged(2));
    let core = &story.model.state.core;
    assert_eq!((core.phase, core.trial.is_some()), (CorePhase::Idle, false));
    assert!(story.model.state.bad.is_empty());
}

#[test]
fn where_the_old_version_does_not_come_up_either_nothing_is_bad() {
    let story = in_probation().all([exited(2), exited(3), exited(4), exited(5)]);
    assert!(story.model.state.bad.is_empty());
    assert!(story.model.state.core.trial.is_some());
}

#[test]
fn the_way_back_is_never_bad() {
    let back = arm_to("0.9.0", Way::Back);
    let story = serving().all([asked(1, back), exited(2), exited(3)]);
    assert!(story.model.state.bad.is_empty());
    assert_eq!(story.model.state.core.phase, CorePhase::Idle);
}

#[test]
fn an_admin_may_stop_a_trial_and_that_blames_nobody() {
    let mut story = in_probation().all([asked(2, abort()), ready(3), healthy(3)]);
    insta::assert_snapshot!(story.tell());
    assert!(story.model.state.bad.is_empty());
}

#[test]
fn a_worker_without_the_baton_is_refused() {
    let mut story = on_trial().then(asked(2, arm()));
    assert!(story.tell().contains("does not hold the baton"));
}

/// An update of an app begins.
fn begins_app(way: Way) -> Ask {
    let entry = Entry::Began {
        target: newleaf_domain::Target::parse("acme/notes").unwrap(),
        from: None,
        to: sample::slot("2.0.0").version,
        digest: sample::slot("2.0.0").digest,
        plan: newleaf_domain::PlanId::of(sample::slot("2.0.0").digest),
        way,
        by: "test".to_owned(),
    };
    Ask::Append { update: Some(sample::update()), entry: Box::new(entry) }
}

#[test]
fn no_app_update_begins_while_an_older_worker_still_finishes() {
    // 1.1.0 was taken back and drains, 1.0.0 serves as worker 3; core's phase is idle.
    let mut story = in_probation().all([unhealthy(2), unhealthy(2), ready(3), healthy(3)]);
    assert_eq!(story.model.state.core.phase, CorePhase::Idle);
    story.tell();
    let mut story = story.then(asked(3, begins_app(Way::Forward)));
    let told = story.tell();
    assert!(told.starts_with("answer Busy(\"core 1.1.0 still finishes"), "{told}");
    let mut story = story.then(asked(3, begins_app(Way::Back)));
    assert!(story.tell().ends_with("answer Appended\n"), "a way back does not wait");
    let mut story = story.all([exited(2), asked(3, begins_app(Way::Forward))]);
    assert!(story.tell().ends_with("answer Appended\n"), "it has gone");
}

#[test]
fn a_message_of_a_newer_form_is_answered_and_noted_once() {
    let unknown = |id| Event::Unknown { worker: w(1), id };
    let mut story = serving().all([unknown(Some(7)), unknown(None), unknown(Some(8))]);
    insta::assert_snapshot!(story.tell());
    assert_eq!(story.model.serving(), Some(w(1)));
}

#[test]
fn a_good_version_that_keeps_exiting_gets_a_page_and_later_starts() {
    let mut story = serving();
    for id in 1..=4 {
        story = story.all([exited(id), Event::Fired(Timer::Respawn)]);
    }
    story = story.all([ready(5), healthy(5)]);
    insta::assert_snapshot!(story.tell());
}

#[test]
fn waits_between_starts_grow_to_their_bound() {
    let mut model = Model::new(sample::state(), Timing::default());
    let waits: Vec<_> = (0..12)
        .map(|failures| {
            model.failures = failures;
            model.backoff().as_millis()
        })
        .collect();
    assert_eq!(waits[..5], [0, 0, 1_000, 2_000, 4_000]);
    assert_eq!(waits[11], 60_000);
}

/// 2.0.0, whose program speaks a later launcher protocol, is good; 1.0.0 was so before.
fn outgrown(tries: u8) -> State {
    let mut state = sample::state();
    let next = CoreSlot { protocol: 2, ..sample::slot("2.0.0") };
    state.core.previous = Some(std::mem::replace(&mut state.core.good, next));
    state.core.launcher_tries = tries;
    state
}

#[test]
fn a_try_is_burnt_before_another_launcher_takes_over_and_nothing_is_started_before() {
    let mut story = Story::of(outgrown(0)).all([Event::Start(None), Event::Quiet]);
    assert_eq!(story.tell(), "state good 2.0.0 Idle\nbecome the launcher of 2.0.0\n");
    assert_eq!(story.model.state.core.launcher_tries, 1);
}

#[test]
fn a_launcher_that_speaks_the_protocol_stays_and_forgets_the_tries_once_a_worker_is_ready() {
    let mut story = Story {
        model: Model::new(outgrown(1), Timing::default()).speaking(2),
        told: String::new(),
    };
    story = story.all([Event::TookOver, Event::Quiet]);
    assert_eq!(story.tell(), "spawn 1 2.0.0\n");
    story = story.then(ready(1));
    assert_eq!(story.model.state.core.launcher_tries, 0);
}

#[test]
fn a_launcher_that_took_over_a_worker_asks_it_before_it_forgets_the_tries() {
    let mut old = Story::of(outgrown(0)).then(Event::DiskRefuses).all([ready(1), healthy(1)]);
    old.model.protocol = 2;
    old.model.state.core.launcher_tries = 1;
    old.tell();
    let mut story = old.then(Event::TookOver);
    assert_eq!(story.tell(), "ask 1 for its pulse\n");
    let story = story.then(Event::Pulse(w(1)));
    assert_eq!(story.model.state.core.launcher_tries, 0);
}

#[test]
fn after_two_tries_in_vain_the_version_before_serves_and_says_why() {
    let mut story = Story::of(outgrown(2)).all([Event::Start(None), Event::Quiet]);
    let told = story.tell();
    assert!(
        told.starts_with("notice 1.0.0 serves in the place of 2.0.0, which could not"),
        "{told}"
    );
    assert!(told.ends_with("spawn 1 1.0.0\nstate good 1.0.0 Idle bad\n"), "{told}");
}

#[test]
fn without_a_version_that_is_spoken_here_the_recovery_page_says_why() {
    let mut state = outgrown(2);
    state.core.previous = None;
    let mut story = Story::of(state).all([Event::Start(None), Event::Quiet]);
    assert!(story.tell().contains("open recovery: 2.0.0 could not take over as launcher"));
}

#[test]
fn a_successor_that_cannot_be_started_is_given_its_try_back_where_the_machine_is_to_blame() {
    let no_descriptors =
        Exit { how: "could not be started".to_owned(), evidence: Evidence::Machine };
    let story = Story::of(outgrown(0)).all([
        Event::Start(None),
        Event::Quiet,
        Event::NoSuccessor(no_descriptors),
        ready(1),
        healthy(1),
        Event::Quiet,
    ]);
    assert_eq!(story.model.state.core.launcher_tries, 0);
    assert_eq!(story.model.serving(), Some(w(1)), "this launcher serves it meanwhile");
}

#[test]
fn no_launcher_takes_over_while_an_update_is_under_way() {
    let mut state = outgrown(0);
    state.core.phase = CorePhase::Expand;
    assert_eq!(Model::new(state, Timing::default()).successor(), None);
}

/// The question of its pulse falls due three times and is left open each time.
fn hangs(id: u64) -> [Event; 4] {
    std::array::from_fn(|_| Event::Fired(Timer::Pulse(w(id))))
}

#[test]
fn a_good_version_that_hangs_is_ended_and_started_again_with_its_reason() {
    let mut story = serving().all(hangs(1)).then(Event::Fired(Timer::Respawn));
    let told = story.tell();
    let reason =
        "kill 1\nnotice 1.0.0 gave no sign of life for 30 s and was ended\nspawn 2 1.0.0\n";
    assert_eq!(told, format!("{}{reason}", "ask 1 for its pulse\n".repeat(3)));
    assert!(story.model.state.bad.is_empty());
}

#[test]
fn a_worker_that_answers_late_is_not_ended() {
    let [first, second, third, fourth] = hangs(1);
    let story = serving().all([first, second]);
    assert!(!story.model.answers(), "a watchdog is told nothing meanwhile");
    let story = story.all([Event::Pulse(w(1)), third, fourth]);
    assert_eq!(story.model.serving(), Some(w(1)));
}

#[test]
fn a_worker_that_cannot_be_asked_is_left_alone() {
    let silent = Event::Ready { worker: w(1), took: Duration::ZERO, pulse: Pulse::Unknown };
    let mut story = Story::of(sample::state()).all([Event::Start(None), silent, healthy(1)]);
    story.tell();
    let mut story = story.all(hangs(1));
    assert_eq!(story.tell(), "");
}

#[test]
fn a_version_that_hangs_while_it_is_watched_costs_a_try() {
    let story = in_probation().all(hangs(2));
    assert_eq!(story.model.state.core.trial.unwrap().tries, 0);
}

#[test]
fn exits_far_apart_wait_longer_each_time_and_show_no_page() {
    let mut story = serving();
    for id in 1..=5 {
        story = story.all([
            Event::Fired(Timer::Settled(w(id))),
            exited(id),
            Event::Fired(Timer::Respawn),
            ready(id + 1),
            healthy(id + 1),
        ]);
    }
    assert!(!story.tell().contains("recovery"));
    assert_eq!(story.model.backoff(), Duration::from_secs(8));
    let story = story.then(Event::Fired(Timer::Steady(w(6))));
    assert_eq!(story.model.backoff(), Duration::ZERO);
}

#[test]
fn a_service_manager_is_told_in_one_sentence() {
    let mut story = Story::of(sample::state()).then(Event::Start(None));
    assert_eq!(story.model.status(), Status::Starting("1.0.0 starts".to_owned()));
    story = story.all([ready(1), healthy(1)]);
    assert_eq!(story.model.status(), Status::Ready("1.0.0 serves".to_owned()));
    story = story.then(asked(1, arm()));
    assert_eq!(story.model.status(), Status::Ready("1.0.0 serves; 1.1.0 is on trial".to_owned()));
    story = story.all([ready(2), healthy(2)]);
    assert_eq!(story.model.status(), Status::Ready("1.1.0 serves and is watched".to_owned()));
    story = story.then(Event::Stop);
    assert!(matches!(story.model.status(), Status::Stopping(_)));
}

#[test]
fn a_planned_stop_drains_and_gives_the_try_back() {
    let mut story = in_probation().all([Event::Stop, exited(2)]);
    insta::assert_snapshot!(story.tell());
}

#[test]
fn a_serving_worker_that_dies_while_the_schema_is_extended_ends_the_update() {
    let expand = Ask::Expand { update: sample::update() };
    let mut story = serving().all([asked(1, expand), exited(1)]);
    insta::assert_snapshot!(story.tell());
}

#[test]
fn a_start_goes_on_from_wherever_the_last_one_was_killed() {
    let mut told = String::new();
    for (name, state, unfinished) in interrupted() {
        let mut story = Story::of(state).then(Event::Start(Some(unfinished)));
        writeln!(told, "## {name}\n{}", story.tell()).unwrap();
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_start_writes_nothing_before_the_good_version_is_started() {
    for (name, state, unfinished) in interrupted() {
        let (_, effects) =
            step(&Model::new(state, Timing::default()), Event::Start(Some(unfinished)));
        let good = |effect: &Effect| matches!(effect, Effect::Spawn { on_trial: false, .. });
        let writes = |effect: &Effect| matches!(effect, Effect::Append { .. } | Effect::Write(_));
        let Some(good) = effects.iter().position(good) else {
            assert_eq!(name, "in probation", "no good version is started");
            continue;
        };
        assert!(!effects[..good].iter().any(writes), "{name}: {effects:?}");
    }
}

#[test]
fn the_good_version_serves_while_the_disk_refuses_to_burn_a_try() {
    let interrupted = sample::trial(1, CorePhase::Probation);
    let mut story = Story::of(interrupted).then(Event::Start(None));
    story.tell();
    let mut story = story.all([Event::DiskRefuses, ready(2), healthy(2)]);
    assert_eq!(story.tell(), "spawn 2 1.0.0\nprobe 2\ngo 2\n");
    let trial = story.model.workers[&w(1)].clone();
    assert_eq!(
        (trial.which, trial.stage),
        (Which::Trial, Stage::Starting),
        "it waits for the disk"
    );
}

#[test]
fn a_good_version_that_serves_is_not_started_again_because_the_disk_refuses() {
    let mut story = serving().then(Event::DiskRefuses);
    assert_eq!(story.tell(), "");
}

/// What a killed launcher can leave, and what the journal says of it.
fn interrupted() -> [(&'static str, State, Unfinished); 12] {
    use crate::journal::StepId;
    let committed = {
        let mut state = sample::state();
        state.core.previous = Some(std::mem::replace(&mut state.core.good, sample::slot("1.1.0")));
        state
    };
    let failed =
        Unfinished { failed: Some("1.1.0 exited".to_owned()), ..unfinished(StepId::Rollback) };
    [
        ("armed, no try burnt", sample::trial(2, CorePhase::Trial), unfinished(StepId::Activate)),
        ("one try burnt", sample::trial(1, CorePhase::Trial), unfinished(StepId::Probe)),
        ("last try burnt", sample::trial(0, CorePhase::Trial), unfinished(StepId::Probe)),
        ("in probation", sample::trial(1, CorePhase::Probation), unfinished(StepId::Commit)),
        (
            "in the last probation",
            sample::trial(0, CorePhase::Probation),
            unfinished(StepId::Commit),
        ),
        ("going back", sample::trial(0, CorePhase::Probation), failed.clone()),
        ("gone back, not told", sample::state(), failed),
        ("committed, not told", committed, unfinished(StepId::Commit)),
        ("expanding for a worker", expanding(false), unfinished(StepId::Expand)),
        ("laid ready offline", expanding(true), unfinished(StepId::Stage)),
        ("announced, not armed", sample::state(), unfinished(StepId::Activate)),
        ("not armed yet", sample::state(), unfinished(StepId::Fetch)),
    ]
}

fn expanding(offline: bool) -> State {
    let mut state = sample::trial(2, CorePhase::Expand);
    if !offline {
        state.core.trial = None;
    }
    state
}

#[test]
fn a_trial_laid_ready_offline_is_expanded_then_tried() {
    let mut story = Story::of(expanding(true)).all([
        Event::Start(None),
        ready(1),
        healthy(1),
        Event::Expanded(Ok(())),
        ready(2),
        healthy(2),
        probation_over(2),
        healthy(2),
    ]);
    insta::assert_snapshot!(story.tell());
}

/// Something with the name the golden has it under.
type Named<T> = (&'static str, T);

/// An event of the worker with this number.
type ToEvent = fn(u64) -> Event;

/// Every situation against every event, so that a change of policy is a change of one file.
#[test]
fn the_whole_matrix() {
    let situations: [Named<fn() -> Story>; 6] = [
        ("good starts", || Story::of(sample::state()).then(Event::Start(None))),
        ("good serves", serving),
        ("trial starts", on_trial),
        ("trial is probed", || on_trial().then(ready(2))),
        ("probation", in_probation),
        ("going back", || in_probation().all([unhealthy(2), unhealthy(2)])),
    ];
    let events: [Named<ToEvent>; 15] = [
        ("ready", ready),
        ("healthy", healthy),
        ("unhealthy", unhealthy),
        ("exits", exited),
        ("exits, machine", out_of_disk),
        ("pulse due", |id| Event::Fired(Timer::Pulse(w(id)))),
        ("pulse", |id| Event::Pulse(w(id))),
        ("late", |id| Event::Fired(Timer::Ready(w(id)))),
        ("probation over", probation_over),
        ("drain over", |id| Event::Fired(Timer::Drain(w(id)))),
        ("asks to arm", |id| asked(id, arm_to("1.2.0", Way::Forward))),
        ("asks to abort", |id| asked(id, abort())),
        ("respawn", |_| Event::Fired(Timer::Respawn)),
        ("recovery gone", |_| Event::RecoveryGone),
        ("stop", |_| Event::Stop),
    ];
    let mut told = String::new();
    for (situation, story) in situations {
        for (name, event) in &events {
            for worker in story().model.workers.keys() {
                let mut after = story();
                after.tell();
                let mut after = after.then(event(worker.0));
                let does = after.tell().trim_end().replace('\n', "; ");
                let does = if does.is_empty() { "nothing".to_owned() } else { does };
                writeln!(told, "{situation} | {worker} {name} | {does}").unwrap();
            }
        }
    }
    insta::assert_snapshot!(told);
}
