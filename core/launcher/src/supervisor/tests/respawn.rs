//! A good version that exits or hangs is started again.

use super::*;

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
    let story = serving().all([first, second, Event::Pulse(w(1)), third, fourth]);
    assert_eq!(story.model.serving(), Some(w(1)));
}

#[test]
fn a_worker_that_cannot_be_asked_is_left_alone() {
    let (took, pulse) = (Duration::ZERO, Pulse::Unknown);
    let silent = Event::Ready { worker: w(1), took, pulse, oldest_reader: None };
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
fn a_recovery_page_that_goes_is_opened_again_and_that_is_told() {
    let mut story = serving();
    for id in 1..=3 {
        story = story.all([exited(id), Event::Fired(Timer::Respawn)]);
    }
    assert!(story.tell().contains("open recovery"));
    for wait in [0, 1] {
        let (model, effects) = step(&story.model, page_gone());
        let again = Effect::Wake(Timer::Page, Duration::from_secs(wait));
        assert!(effects.contains(&again), "{effects:?}");
        story.model = model;
        story = story.then(Event::Fired(Timer::Page));
        assert_eq!(story.tell(), "open recovery: the recovery page is opened again\n");
    }
    let mut story = story.all([ready(4), healthy(4), page_gone(), Event::Fired(Timer::Page)]);
    assert!(story.tell().ends_with("close recovery\ngo 4\n"), "it was closed");
}
