//! What the recovery page orders.

use super::*;

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

/// 1.0.0, started by order, fails once for the machine's reason; 1.1.0 fails as it did before.
#[test]
fn an_order_that_fails_once_is_over_and_the_next_one_tries_the_version_before_anew() {
    let mut story = in_recovery().then(ordered(start_previous()));
    story.tell();
    let mut story = story.then(out_of_disk(4));
    let told = story.tell();
    assert!(told.contains("state good 1.1.0 Idle\n"), "{told}");
    assert!(told.contains("1.1.0 is started again"), "{told}");
    assert!(told.contains("record ended RolledBack 1.0.0 exited with status 75"), "{told}");
    let mut story = story.then(exited(5)).then(ordered(start_previous()));
    let told = story.tell();
    assert!(told.contains("answer Changed\n"), "{told}");
    assert!(told.ends_with("spawn 6 1.0.0 on trial\n"), "{told}");
    let story = story.all([ready(6), healthy(6), probation_over(6), healthy(6)]);
    assert_eq!(story.model.state.core.good.version.as_str(), "1.0.0");
    assert!(story.model.state.bad.is_empty());
}

#[test]
fn an_order_whose_version_dies_while_it_goes_back_for_its_faults_is_over_too() {
    let story = in_recovery().then(ordered(start_previous())).all([ready(4), healthy(4)]);
    let story = story.all([unhealthy(4), unhealthy(4)]);
    assert!(story.model.going_back.is_some(), "it serves until the good version is up");
    let story = story.then(exited(4));
    let core = &story.model.state.core;
    assert_eq!((core.phase, core.trial.is_none()), (CorePhase::Idle, true));
    assert!(story.model.going_back.is_none());
}

/// A launcher that waited for the good version, and ended.
#[test]
fn a_start_ends_an_order_that_an_earlier_one_left_waiting_for_the_good_version() {
    let mut state = updated();
    let mut waits = sample::trial(1, CorePhase::Trial).core.trial.unwrap();
    (waits.slot, waits.way) = (sample::slot("1.0.0"), Way::Back);
    state.core.trial = Some(waits);
    state.core.phase = CorePhase::Trial;
    let unfinished = Unfinished {
        update: sample::update(),
        to: sample::slot("1.0.0").version,
        digest: sample::slot("1.0.0").digest,
        way: Way::Back,
        step: Some(StepId::Rollback),
        failed: None,
    };
    let story = Story::of(state).then(Event::Start(Some(unfinished)));
    assert_eq!(story.model.state.core.phase, CorePhase::Idle);
    assert_eq!(story.model.workers[&w(1)].slot.version.as_str(), "1.1.0");
}

/// 1.2.0 was tried from 1.1.0 and failed; since then 1.1.0 does not come up either.
fn waiting_in_vain(trial_failed: Event) -> Story {
    let began = Story::of(updated()).all([Event::Start(None), ready(1), healthy(1)]);
    let on_trial = began.then(asked(1, arm_to("1.2.0", Way::Forward)));
    let mut story = on_trial.all([exited(1), trial_failed]);
    story.tell();
    story
}

#[test]
fn a_way_back_that_the_good_version_never_ends_gives_way_to_an_order() {
    let mut story = waiting_in_vain(out_of_disk(2));
    assert!(story.model.going_back.is_some());
    story = story.then(ordered(start_previous()));
    let told = story.tell();
    let first = "state good 1.1.0 Idle\n";
    assert!(told.starts_with(first), "{told}");
    assert!(told.contains("1.1.0 did not come up"), "{told}");
    assert!(told.contains("answer Changed\n"), "{told}");
    assert!(told.ends_with("spawn 4 1.0.0 on trial\n"), "{told}");
    let story = story.all([ready(4), healthy(4), probation_over(4), healthy(4)]);
    assert_eq!(story.model.state.core.good.version.as_str(), "1.0.0");
    assert!(story.model.state.bad.is_empty(), "nobody found out whose fault it was");
}

#[test]
fn a_version_that_failed_on_trial_for_the_machines_reason_stands_in_for_a_damaged_good_one() {
    let mut story = waiting_in_vain(out_of_disk(2));
    let mut before = story.model.state.core.trial.clone().unwrap();
    before.slot = sample::slot("1.0.0");
    story.model.state.core.trial = Some(before);
    let mut story = story.then(damaged(3));
    assert!(story.tell().contains("1.0.0 is started in its place"));
    let story = story.all([ready(4), healthy(4)]);
    let core = &story.model.state.core;
    assert_eq!((core.good.version.as_str(), core.phase), ("1.0.0", CorePhase::Idle));
}
