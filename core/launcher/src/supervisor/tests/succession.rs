//! One launcher gives way to the next.

use super::*;

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
    assert_eq!(story.tell(), "spawn 1 2.0.0\nstate good 2.0.0 Idle\n");
    story = story.then(ready(1));
    let core = &story.model.state.core;
    assert_eq!((core.launcher_tries, &core.launcher_lives), (0, &None));
}

#[test]
fn a_launcher_that_took_over_a_worker_asks_it_before_it_forgets_the_tries() {
    let mut old = Story::of(outgrown(0)).then(Event::DiskRefuses).all([ready(1), healthy(1)]);
    old.model.protocol = 2;
    old.model.state.core.launcher_tries = 1;
    old.tell();
    let mut story = old.then(Event::TookOver);
    assert_eq!(story.tell(), "ask 1 for its pulse\nstate good 2.0.0 Idle\n");
    let story = story.then(Event::Pulse(w(1)));
    assert_eq!(story.model.state.core.launcher_tries, 0);
}

/// Started, and gone as soon as it came to life, so often.
fn lived(times: u8) -> State {
    (0..times).fold(outgrown(0), |state, _| {
        let burnt = Story::of(state).all([Event::Start(None), Event::Quiet]);
        let model = Model::new(burnt.model.state, Timing::default()).speaking(2);
        Story { model, told: String::new() }.then(Event::TookOver).model.state
    })
}

#[test]
fn a_successor_that_never_came_to_life_is_started_a_third_time_and_its_version_stays_good() {
    let mut story = Story::of(outgrown(2)).all([Event::Start(None), Event::Quiet]);
    assert_eq!(story.tell(), "state good 2.0.0 Idle\nbecome the launcher of 2.0.0\n");
    let mut story = Story::of(outgrown(4)).all([Event::Start(None), Event::Quiet]);
    assert!(story.tell().contains("spawn 1 1.0.0"), "that has a bound too");
}

#[test]
fn what_ended_with_the_boot_before_says_nothing_about_a_successor() {
    let mut story = Story::of(lived(2));
    story.model.boot = "another".to_owned();
    let mut story = story.all([Event::Start(None), Event::Quiet]);
    assert!(story.tell().ends_with("become the launcher of 2.0.0\n"));
}

#[test]
fn after_two_lives_in_vain_the_version_before_serves_and_says_why_and_nothing_is_bad() {
    let mut story = Story::of(lived(2)).all([Event::Start(None), Event::Quiet]);
    let told = story.tell();
    assert!(told.starts_with("notice 2.0.0 could not take over as launcher"), "{told}");
    assert!(told.ends_with("spawn 1 1.0.0\n"), "{told}");
    let mut story = story.all([ready(1), healthy(1)]);
    let told = story.tell();
    assert!(told.contains("notice 1.0.0 serves in the place of 2.0.0, which could not"), "{told}");
    assert!(told.contains("state good 1.0.0 Idle\n"), "{told}");
    let core = &story.model.state.core;
    assert_eq!((core.launcher_tries, &core.launcher_lives), (0, &None));
}

#[test]
fn a_stand_in_that_fails_is_tried_again_where_the_good_version_is_for_another_launcher() {
    let mut story = Story::of(lived(2)).all([Event::Start(None), exited(1)]);
    assert!(story.tell().contains("open recovery: 1.0.0 exited with status 1; it was to serve in"));
    let mut story = story.then(Event::Fired(Timer::Respawn));
    assert_eq!(story.tell(), "spawn 2 1.0.0\n");
}

#[test]
fn without_a_version_that_is_spoken_here_the_recovery_page_says_why() {
    let mut state = lived(2);
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
