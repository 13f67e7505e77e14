//! Versions that are damaged on disk.

use super::*;

#[test]
fn a_damaged_good_version_is_stood_in_for_by_the_one_before_and_is_not_bad() {
    let mut story = Story::of(updated()).all([Event::Start(None), damaged(1), ready(2)]);
    assert_eq!(
        story.tell(),
        "spawn 1 1.1.0\n\
         notice 1.1.0 is damaged on disk; 1.0.0 is started in its place\n\
         spawn 2 1.0.0\n\
         probe 2\n"
    );
    assert_eq!(story.model.state, updated(), "nothing is written before it is up");
    let mut story = story.then(healthy(2));
    assert_eq!(
        story.tell(),
        "go 2\n\
         state good 1.0.0 Idle\n\
         notice 1.0.0 serves in the place of 1.1.0, which is damaged on disk\n"
    );
    let core = &story.model.state.core;
    assert_eq!(core.previous, Some(sample::slot("1.1.0")), "it is kept");
    assert!(core.stand_in.as_ref().unwrap().contains("damaged on disk"));
    let story = story.all([
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
    let said = "1.0.0 is damaged on disk; it was to serve in the place of 1.1.0, which is damaged \
                on disk";
    assert_eq!(story.tell(), format!("notice {said}\nopen recovery: {said}\n"));
    assert_eq!(story.model.state, updated(), "neither has lost its part");
    let story = story.all([Event::Fired(Timer::Respawn), ready(3), healthy(3)]);
    assert_eq!(story.model.serving(), Some(w(3)));
    assert_eq!(story.model.state.core.good.version.as_str(), "1.1.0");
}

#[test]
fn what_the_database_says_of_its_readers_is_known_when_a_stand_in_is_chosen() {
    let mut story = Story::of(updated()).all([Event::Start(None), ready_with(1, Some(2))]);
    assert!(story.tell().ends_with("probe 1\nstate good 1.1.0 Idle\n"));
    let known = story.model.state;
    assert_eq!(known.core.good.oldest_reader, 2);
    let mut story = Story::of(known).all([Event::Start(None), damaged(1)]);
    assert!(story.tell().contains("open recovery: 1.1.0 is damaged on disk"));
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
fn a_good_version_that_the_disk_does_not_give_is_tried_again_and_then_stood_in_for() {
    let again = || Event::Fired(Timer::Respawn);
    let mut story = Story::of(updated()).all([Event::Start(None), unreadable(1), again()]);
    assert!(story.tell().ends_with("notice 1.1.0 cannot be read\nspawn 2 1.1.0\n"));
    let story = story.all([unreadable(2), again()]);
    let came_back = Story { model: story.model.clone(), told: String::new() };
    let came_back = came_back.all([ready(3), healthy(3)]);
    assert_eq!(came_back.model.state.core.good.version.as_str(), "1.1.0", "a fault of a moment");
    let mut story = story.all([unreadable(3), ready(4), healthy(4)]);
    let told = story.tell();
    assert!(told.contains("spawn 4 1.0.0\n"), "{told}");
    assert!(told.ends_with("notice 1.0.0 serves in the place of 1.1.0, which cannot be read\n"));
    assert!(story.model.state.bad.is_empty());
}

#[test]
fn one_that_the_disk_does_not_give_and_nothing_stands_in_for_leaves_the_page_and_comes_back() {
    let again = || Event::Fired(Timer::Respawn);
    let starts = [1, 2, 3].into_iter().flat_map(|id| [unreadable(id), again()]);
    let mut story = Story::of(sample::state()).then(Event::Start(None)).all(starts);
    assert!(story.tell().contains("open recovery: 1.0.0 cannot be read\n"));
    let story = story.all([ready(4), healthy(4)]);
    assert_eq!(story.model.serving(), Some(w(4)));
}
