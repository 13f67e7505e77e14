//! One update each: what proves a version, what takes it back, and what blames nobody.

use super::*;

#[test]
fn a_good_update_goes_from_arm_to_commit() {
    let mut story =
        serving().all([asked(1, arm()), ready(2), healthy(2), probation_over(2), healthy(2)]);
    insta::assert_snapshot!(story.tell());
    assert_eq!(story.model.state.core.previous, Some(sample::slot("1.0.0")));
}

#[test]
fn a_version_that_exits_at_each_start_is_bad_and_the_old_one_never_stopped() {
    let mut story = on_trial().all([exited(2), exited(3), ready(4), healthy(4)]);
    insta::assert_snapshot!(story.tell());
    assert_eq!(story.model.serving(), Some(w(1)));
}

#[test]
fn a_version_that_hangs_is_ended_at_the_deadline() {
    let late = |id| Event::Fired(Timer::Ready(w(id)));
    let mut story = on_trial().all([late(2), late(3), ready(4), healthy(4)]);
    insta::assert_snapshot!(story.tell());
}

#[test]
fn an_unhealthy_version_never_accepts() {
    let mut story =
        on_trial().all([ready(2), unhealthy(2), ready(3), unhealthy(3), ready(4), healthy(4)]);
    let told = story.tell();
    assert!(!told.contains("go "), "{told}");
    insta::assert_snapshot!(told);
}

#[test]
fn two_exits_in_probation_take_the_old_version_back() {
    let mut story = in_probation().all([exited(2), ready(4), healthy(4), exited(4)]);
    assert!(story.model.state.bad.is_empty(), "bad before the old version came up");
    story = story.all([ready(5), healthy(5)]);
    insta::assert_snapshot!(story.tell());
}

#[test]
fn an_unhealthy_version_in_probation_serves_until_the_old_one_is_up() {
    let mut story = in_probation().all([unhealthy(2), unhealthy(2), ready(3), healthy(3)]);
    insta::assert_snapshot!(story.tell());
}

#[test]
fn the_old_version_serves_while_one_that_died_in_probation_starts_again() {
    let mut story = in_probation().all([exited(2), ready(3), healthy(3)]);
    assert!(story.tell().contains("spawn 3 1.0.0\n"));
    assert_eq!(story.model.serving(), Some(w(3)));
    assert_eq!(story.model.workers[&w(4)].stage, Stage::Starting, "it hangs");
    let story = story.all([ready(4), healthy(4)]);
    assert_eq!(story.model.serving(), Some(w(4)), "it did not after all");
}

#[test]
fn a_machine_without_processes_is_no_evidence_against_who_could_not_be_asked() {
    let mut story = on_trial().all([ready(2), unasked(2)]);
    assert!(story.tell().contains("failed probe: 1.1.0 could not be probed"));
    assert!(story.model.state.bad.is_empty());
    let probed = Event::Fired(Timer::Probe(w(2)));
    let story = in_probation().all([unasked(2), unasked(2), probation_over(2), probed, healthy(2)]);
    assert_eq!(story.model.state.core.good, sample::slot("1.1.0"));
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

#[test]
fn where_the_old_version_does_not_come_up_either_nothing_is_bad() {
    let story = in_probation().all([exited(2), exited(4), exited(3), exited(5)]);
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
fn one_that_finishes_at_leisure_is_told_when_the_host_ends() {
    let mut story = on_trial().all([ready(2), healthy(2)]);
    assert!(story.tell().contains("go 2\ndrain 1\n"), "nothing waits for the version before");
    let mut story = story.then(Event::Stop);
    assert!(story.tell().ends_with("drain 1, the last\ndrain 2, the last\n"));
    let exit = || Exit { how: "exited with status 0".to_owned(), evidence: Evidence::Release };
    let mut story = story.all([1, 2].map(|id| Event::Exited { worker: w(id), exit: exit() }));
    assert_eq!(story.tell(), "exit\n");
}
