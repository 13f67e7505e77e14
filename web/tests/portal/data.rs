//! What an update does to an app's data: tried on a copy, announced, and chosen where it would be
//! lost. By plain forms.

use std::time::Duration;

use axum::http::StatusCode;
use newleaf_domain::PackageName;
use newleaf_update::port::fake::{Fault, Point};

use crate::browser::{Browser, Page};
use crate::story::{NOTES, newest, start_address, update, world, world_of};

/// Presses *Rehearse* on the plan of notes.
async fn rehearsed(browser: &mut Browser) -> Page {
    let overview = browser.get("/").await;
    let plan = browser.submit(&overview, "/plans", NOTES).await;
    let rehearse = start_address(&plan).replace("/start", "/rehearse");
    browser.submit(&plan, &rehearse, "").await
}

#[tokio::test]
async fn a_plan_is_rehearsed_at_the_press_of_a_button() {
    let (world, host) = world().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    let plan = rehearsed(&mut browser).await;
    for part in ["on a copy of its data: 4 KiB copied", "Pause less than 1 s: requests wait"] {
        assert!(plan.says(part), "no {part:?} in {}", plan.text);
    }
    assert!(!plan.says("name=\"pause\""), "a short pause is asked for: {}", plan.text);
    world.disk.fail(Point::Rehearse, Fault::Version);
    let plan = rehearsed(&mut browser).await;
    assert!(plan.says("failed to migrate from 1 to 2"), "{}", plan.text);
    assert_eq!(host.updater.history().await.unwrap().len(), 1, "a rehearsal is no update");
}

#[tokio::test]
async fn a_long_pause_is_said_on_the_plan_and_wants_its_own_yes() {
    let (world, host) = world().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    world.disk.set_migration(Duration::from_secs(230), Duration::ZERO);
    let plan = rehearsed(&mut browser).await;
    for part in ["Pause about 4 min: visitors are told to come again", "name=\"pause\""] {
        assert!(plan.says(part), "no {part:?} in {}", plan.text);
    }
    let refused = browser.submit(&plan, &start_address(&plan), "consent=given").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.says("the app would serve nobody for a time"), "{}", refused.text);
    let yes = "consent=given&pause=given";
    browser.submit(&refused, &start_address(&refused), yes).await;
    let id = newest(&host).await;
    host.updater.finished(&id).await.unwrap().unwrap();
    let result = browser.get(&format!("/updates/{id}")).await;
    assert!(result.says("notes 2.0.0 is running."), "{}", result.text);
}

#[tokio::test]
async fn an_app_that_would_lose_data_waits_for_a_choice_and_is_kept() {
    // 1.0.0 cannot read what 2.0.0 writes.
    let (world, host) = world_of(2).await;
    let notes = PackageName::parse("acme/notes").unwrap();
    let mut browser = Browser::signed_in(&world, &host).await;
    world.disk.fail(Point::Probation, Fault::Version);
    host.plugins.write_at_release(&notes, "salt");
    update(&mut browser, &host, NOTES, "consent=given").await;
    world.disk.mend();
    let overview = browser.get("/").await;
    for part in ["would lose 1 change made since the switch", "Undo: back to 1.0.0", "and retry"] {
        assert!(overview.says(part), "no {part:?} in {}", overview.text);
    }
    let undo = browser.get("/undo/acme/notes").await;
    assert!(undo.says("This loses everything written since the update to 2.0.0"), "{}", undo.text);
    let kept = browser.submit(&overview, "/apps/acme/notes/keep", "").await;
    assert!(!kept.says("and retry"), "{}", kept.text);
    assert_eq!(host.plugins.serves(&notes).as_deref(), Some("2.0.0"));
}

#[tokio::test]
async fn a_stale_tab_that_says_that_nothing_is_lost_takes_nothing_away() {
    let (world, host) = world_of(1).await;
    let notes = PackageName::parse("acme/notes").unwrap();
    let mut browser = Browser::signed_in(&world, &host).await;
    update(&mut browser, &host, NOTES, "consent=given").await;
    let tab = browser.get("/undo/acme/notes").await;
    assert!(tab.says("Nothing of the data is lost."), "{}", tab.text);

    let wants = serde_json::json!({"schema": 3, "oldest_reader": 3, "migrates_from": 1});
    world.publisher().app("acme/notes", "3.0.0", wants);
    world.publish();
    world.clock.set(newleaf_domain::Clock::now(&*world.clock).plus_seconds(3600));
    host.updater.check().await.unwrap();
    update(&mut browser, &host, NOTES, "consent=given").await;
    assert_eq!(host.plugins.serves(&notes).as_deref(), Some("3.0.0"));

    let shown = format!("shown={}", tab.hidden("shown"));
    let anew = browser.submit(&tab, "/undo/acme/notes", &shown).await;
    assert_eq!(anew.status, StatusCode::CONFLICT);
    for part in ["Nothing was changed", "This loses everything written since the update to 3.0.0"] {
        assert!(anew.says(part), "no {part:?} in {}", anew.text);
    }
    assert_eq!(host.plugins.serves(&notes).as_deref(), Some("3.0.0"));
    let without = browser.submit(&tab, "/undo/acme/notes", "").await;
    assert_eq!(without.status, StatusCode::BAD_REQUEST);
    let shown = format!("shown={}", anew.hidden("shown"));
    let run = browser.submit(&anew, "/undo/acme/notes", &shown).await;
    assert_eq!(run.status, StatusCode::OK, "{}", run.text);
}

#[tokio::test]
async fn each_app_has_its_own_history() {
    let (world, host) = world().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    update(&mut browser, &host, NOTES, "consent=given").await;
    assert!(browser.get("/").await.says("/history/acme/notes"));
    let own = browser.get("/history/acme/notes").await;
    assert!(own.says("History of notes") && own.says("1.0.0 → 2.0.0"), "{}", own.text);
    let core = browser.get("/history/core").await;
    assert!(core.says("History of Newleaf") && core.says("Nothing has been updated yet."));
    assert_eq!(browser.get("/history/no-such-thing").await.status, StatusCode::NOT_FOUND);
}
