//! Whose fault it is that a version on trial cannot be started.

use super::*;

/// 1.1.0 failed at both its starts; 1.0.0 serves as worker 1 and starts beside itself as worker 4.
fn in_doubt() -> Story {
    let mut story = on_trial().all([exited(2), exited(3)]);
    story.tell();
    assert!(story.model.state.bad.is_empty(), "nothing is known yet");
    story
}

#[test]
fn a_version_is_bad_once_the_good_one_can_still_be_started() {
    let mut story = in_doubt().all([ready(4), healthy(4)]);
    insta::assert_snapshot!(story.tell());
    assert_eq!(story.model.state.bad.len(), 1);
    assert_eq!(story.model.serving(), Some(w(1)), "it never stopped");
}

#[test]
fn settings_with_which_the_good_version_cannot_start_either_blame_nobody() {
    let mut told = String::new();
    for (name, ends) in [
        ("exits", vec![exited(4)]),
        ("is not ready in time", vec![Event::Fired(Timer::Ready(w(4)))]),
        ("is not healthy", vec![ready(4), unhealthy(4)]),
        ("finds a full disk", vec![out_of_disk(4)]),
        ("is damaged", vec![damaged(4)]),
    ] {
        let mut story = in_doubt().all(ends);
        writeln!(told, "## {name}\n{}", story.tell()).unwrap();
        assert!(story.model.state.bad.is_empty(), "{name}");
        assert_eq!(story.model.state.core.phase, CorePhase::Idle, "{name}");
        assert_eq!(story.model.workers.len(), 1, "{name}: {:?}", story.model.workers);
        assert_eq!(story.model.serving(), Some(w(1)), "{name}");
    }
    insta::assert_snapshot!(told);
}

#[test]
fn an_admin_who_stops_a_trial_in_doubt_blames_nobody() {
    let story = in_doubt().then(asked(1, abort()));
    assert!(story.model.state.bad.is_empty() && story.model.doubt.is_none());
    assert_eq!(story.model.workers.len(), 1);
}

#[test]
fn a_good_version_that_dies_meanwhile_tells_by_its_own_start() {
    let story = in_doubt().all([exited(1), Event::Fired(Timer::Respawn)]);
    assert!(story.model.state.bad.is_empty());
    let came_up = story.all([ready(5), healthy(5)]);
    assert_eq!(came_up.model.state.bad.len(), 1);
    assert_eq!((came_up.model.serving(), came_up.model.workers.len()), (Some(w(5)), 1));
}

#[test]
fn a_host_that_is_stopped_in_doubt_tries_the_version_again() {
    let story = in_doubt().all([Event::Stop, exited(1)]);
    let core = &story.model.state.core;
    assert_eq!(core.trial.as_ref().map(|trial| trial.tries), Some(1));
    assert!(story.told.ends_with("exit\n"), "{}", story.told);
}

/// By `state` alone a start after a crash knows that no try is left; the good version comes up with
/// the settings as they are, or nothing is bad.
#[test]
fn a_launcher_killed_in_doubt_blames_nobody_before_the_good_version_is_up() {
    let state = in_doubt().model.state;
    let story = Story::of(state).then(Event::Start(None));
    assert!(story.model.state.bad.is_empty());
    let story = story.all([ready(1), healthy(1)]);
    assert_eq!((story.model.serving(), story.model.state.bad.len()), (Some(w(1)), 1));
}

#[test]
fn an_extension_that_its_rehearsal_called_slow_gets_its_time_at_the_next_start() {
    let mut state = sample::trial(2, CorePhase::Expand);
    let within = |state: &State| Model::new(state.clone(), Timing::default()).expand_within();
    assert_eq!(within(&state), Duration::from_mins(1));
    for (told, expected) in [(90_000, 90), (5, 60)] {
        if let Some(trial) = &mut state.core.trial {
            trial.expand_within_ms = Some(told);
        }
        assert_eq!(within(&state), Duration::from_secs(expected));
    }
}
