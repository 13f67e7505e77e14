//! Starts after a launcher that was killed, and on a disk that refuses.

use super::*;

fn unfinished(step: StepId) -> Unfinished {
    Unfinished {
        update: sample::update(),
        to: sample::slot("1.1.0").version,
        digest: sample::slot("1.1.0").digest,
        way: Way::Forward,
        step: Some(step),
        failed: None,
    }
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
        let good = effects.iter().position(good).unwrap();
        assert!(!effects[..good].iter().any(writes), "{name}: {effects:?}");
    }
}

#[test]
fn the_good_version_serves_while_the_disk_refuses_to_burn_a_try() {
    let interrupted = sample::trial(1, CorePhase::Probation);
    let mut story = Story::of(interrupted).then(Event::Start(None));
    story.tell();
    let mut story = story.all([Event::DiskRefuses, ready(1), healthy(1)]);
    assert_eq!(story.tell(), "probe 1\ngo 1\n");
    let trial = story.model.workers[&w(2)].clone();
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
