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
