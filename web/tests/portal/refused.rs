//! What does not start, and what the page says then.

use axum::http::StatusCode;
use newleaf_domain::Clock as _;
use newleaf_update::port::fake::LauncherWay;
use newleaf_update::port::{Area, ProbeFault};

use crate::browser::Browser;
use crate::story::{CORE, NOTES, newest, start_address, update, world};

#[tokio::test]
async fn without_consent_nothing_starts_and_the_page_asks_again() {
    let (world, host) = world().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    let before = host.updater.history().await.unwrap().len();
    let overview = browser.get("/").await;
    let plan = browser.submit(&overview, "/plans", NOTES).await;
    let again = browser.submit(&plan, &start_address(&plan), "").await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(again.says("needs your yes") && again.says(r#"aria-invalid="true""#), "{}", again.text);
    assert_eq!(host.updater.history().await.unwrap().len(), before);
}

#[tokio::test]
async fn a_blocked_start_shows_the_folder_and_the_command_that_mends_it() {
    let (world, host) = world().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    let overview = browser.get("/").await;
    let plan = browser.submit(&overview, "/plans", NOTES).await;
    world.ground.refuse(Area::Slots, ProbeFault::Permission);
    let blocked = browser.submit(&plan, &start_address(&plan), "consent=given").await;
    assert_eq!(blocked.status, StatusCode::CONFLICT);
    for part in ["Nothing was started", "/srv/newleaf/slots", "sudo chown -R newleaf", "Re-check"] {
        assert!(blocked.says(part), "no {part:?} in {}", blocked.text);
    }
    assert!(blocked.says("disabled"), "Start can be pressed: {}", blocked.text);
}

#[tokio::test]
async fn a_second_update_is_refused_with_a_link_to_the_one_that_runs() {
    let (world, host) = world().await;
    host.launcher.set_way(LauncherWay::Waits);
    let mut browser = Browser::signed_in(&world, &host).await;
    let overview = browser.get("/").await;
    let plan = browser.submit(&overview, "/plans", CORE).await;
    let start = start_address(&plan);
    browser.submit(&plan, &start, "").await;
    let running = newest(&host).await;
    let second = browser.submit(&plan, &start, "").await;
    assert_eq!(second.status, StatusCode::CONFLICT);
    assert!(second.says(&format!(r#"href="/updates/{running}""#)), "{}", second.text);
}

#[tokio::test]
async fn a_plan_that_moved_on_is_refused_with_a_link_to_the_new_one() {
    let (world, host) = world().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    let overview = browser.get("/").await;
    let old = browser.submit(&overview, "/plans", CORE).await;
    update(&mut browser, &host, NOTES, "consent=given").await;
    let stale = browser.submit(&old, &start_address(&old), "").await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    assert!(
        stale.says("This plan is out of date") && stale.says("See the new plan"),
        "{}",
        stale.text
    );
    let link = stale.text.split(r#"href="/plans/"#).nth(1).unwrap().split('"').next().unwrap();
    let new = browser.get(&format!("/plans/{link}")).await;
    assert_eq!(new.status, StatusCode::OK);
    assert_ne!(start_address(&new), start_address(&old));
}

#[tokio::test]
async fn a_plan_of_yesterday_is_refused() {
    let (world, host) = world().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    let overview = browser.get("/").await;
    let old = browser.submit(&overview, "/plans", CORE).await;
    world.clock.set(world.clock.now().plus_seconds(24 * 3600 + 1));
    world.publish();
    let mut browser = Browser::signed_in(&world, &host).await;
    let fresh = browser.get("/").await;
    let stale = browser.submit(&fresh, &start_address(&old), "").await;
    assert_eq!(stale.status, StatusCode::CONFLICT, "{}", stale.text);
    assert!(stale.says("This plan is out of date"), "{}", stale.text);
}

#[tokio::test]
async fn what_is_not_there_is_a_page_too() {
    let (world, host) = world().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    let unknown = "ab".repeat(32);
    for path in [
        "/nowhere",
        "/updates/1-2-3",
        "/updates/x",
        "/plans/x",
        "/undo/core",
        &format!("/plans/{unknown}"),
    ] {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        assert!(page.says("Not found") && page.says("To the overview"), "{path}");
    }
}

#[tokio::test]
async fn a_repository_that_is_gone_is_told_in_four_lines() {
    let (world, host) = world().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    let overview = browser.get("/").await;
    world.repository.disappear();
    let page = browser.submit(&overview, "/check", "").await;
    assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR);
    for line in
        ["State now", "Newleaf 1.0.0 and 1 app serve", "What failed", "What was done", "What to do"]
    {
        assert!(page.says(line), "no {line:?} in {}", page.text);
    }
}
