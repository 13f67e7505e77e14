//! An admin updates an app and core, looks at history, and goes back: all by plain forms.

use axum::http::StatusCode;
use newleaf_domain::{Clock as _, PackageName, Target, UpdateId};
use newleaf_update::port::fake::{Fault, Host, LauncherWay, Point, World};
use newleaf_update::{Approval, Consent};
use serde_json::{Value, json};

use crate::browser::{Browser, Page};

pub(crate) const NOTES: &str = "target=acme%2Fnotes";
pub(crate) const CORE: &str = "target=core";

pub(crate) fn notes() -> Target {
    Target::App(PackageName::parse("acme/notes").unwrap())
}

fn wants(schema: u32, oldest_reader: u32, mib: u64) -> Value {
    let storage = json!({"kind": "storage", "quota": mib << 20, "reason": "to keep your notes"});
    json!({"schema": schema, "oldest_reader": oldest_reader, "migrates_from": 1, "capabilities": [storage]})
}

/// Notes 1.0.0 runs; notes 2.0.0, which asks for more, and core 1.1.0 are offered.
pub(crate) async fn world() -> (World, Host) {
    world_of(1).await
}

/// The same, where a program of schema `oldest_reader` reads what 2.0.0 writes.
pub(crate) async fn world_of(oldest_reader: u32) -> (World, Host) {
    let world = World::new();
    world.publisher().app("acme/notes", "1.0.0", wants(1, 1, 4));
    world.publish();
    let host = world.start();
    let plan = host.updater.plan(&notes(), None).await.unwrap().plan.id;
    let approval = Approval::new(plan, Consent::Given, "setup".to_owned());
    let installed = host.updater.start(approval).await.unwrap();
    host.updater.finished(&installed).await.unwrap().unwrap();
    world.publisher().app("acme/notes", "2.0.0", wants(2, oldest_reader, 16));
    world.publisher().core("1.1.0", json!({}));
    world.publish();
    world.clock.set(world.clock.now().plus_seconds(3600));
    host.updater.check().await.unwrap();
    (world, host)
}

/// The id of the update whose page this is.
pub(crate) async fn newest(host: &Host) -> UpdateId {
    host.updater.history().await.unwrap().remove(0).id
}

/// Presses *Update* on the overview, then *Start* on the plan, and waits for the end.
pub(crate) async fn update(browser: &mut Browser, host: &Host, target: &str, yes: &str) -> Page {
    let overview = browser.get("/").await;
    let plan = browser.submit(&overview, "/plans", target).await;
    let start = start_address(&plan);
    browser.submit(&plan, &start, yes).await;
    let id = newest(host).await;
    host.updater.finished(&id).await.unwrap().unwrap();
    browser.get(&format!("/updates/{id}")).await
}

/// Where the plan's form leads.
pub(crate) fn start_address(plan: &Page) -> String {
    let actions = plan.text.split(r#"action=""#).filter_map(|part| part.split('"').next());
    actions.filter(|action| action.ends_with("/start")).map(str::to_owned).next().expect(&plan.text)
}

#[tokio::test]
async fn an_app_is_updated_by_forms_alone() {
    let (world, host) = world().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    let overview = browser.get("/").await;
    assert!(
        overview.says("2 updates are ready.") && overview.says("Update to 2.0.0"),
        "{}",
        overview.text
    );
    let result = update(&mut browser, &host, NOTES, "consent=given").await;
    assert!(result.says("notes 2.0.0 is running."), "{}", result.text);
    assert!(!result.says("http-equiv=\"refresh\""), "an update that is over needs no refresh");
    let history = browser.get("/history").await;
    for part in
        ["<strong><bdi>notes</bdi></strong>", "<code>acme/notes</code>", "1.0.0 → 2.0.0", "ada"]
    {
        assert!(history.says(part), "no {part:?} in {}", history.text);
    }
}

#[tokio::test]
async fn core_is_updated_by_forms_alone_and_can_go_back() {
    let (world, host) = world().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    let result = update(&mut browser, &host, CORE, "").await;
    assert!(result.says("Newleaf 1.1.0 is running."), "{}", result.text);
    let ask = browser.get("/undo/core").await;
    assert!(ask.says("Go back to 1.0.0") && ask.says("it was replaced on"), "{}", ask.text);
    let shown = format!("shown={}", ask.hidden("shown"));
    browser.submit(&ask, "/undo/core", &shown).await;
    let id = newest(&host).await;
    host.updater.finished(&id).await.unwrap().unwrap();
    let result = browser.get(&format!("/updates/{id}")).await;
    assert!(result.says("Newleaf is back on 1.0.0."), "{}", result.text);
}

#[tokio::test]
async fn a_page_without_scripts_refreshes_itself_while_an_update_runs() {
    let (world, host) = world().await;
    host.launcher.set_way(LauncherWay::Waits);
    let mut browser = Browser::signed_in(&world, &host).await;
    let overview = browser.get("/").await;
    let plan = browser.submit(&overview, "/plans", CORE).await;
    let run = browser.submit(&plan, &start_address(&plan), "").await;
    let refresh = r#"<noscript><meta http-equiv="refresh" content="2"></noscript>"#;
    assert!(run.says(refresh) && run.says("running"), "{}", run.text);
    let overview = browser.get("/").await;
    assert!(overview.says("An update of Newleaf is running"), "{}", overview.text);
}

#[tokio::test]
async fn the_plan_shows_what_it_asks_for_and_why() {
    let (world, host) = world().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    let overview = browser.get("/").await;
    let plan = browser.submit(&overview, "/plans", NOTES).await;
    for part in
        ["1.0.0 → 2.0.0", "16 MiB", "today 4 MiB", "to keep your notes", "Better.", "Free space"]
    {
        assert!(plan.says(part), "no {part:?} in {}", plan.text);
    }
}

#[tokio::test]
async fn a_rolled_back_update_says_why_first_and_is_not_offered_again() {
    let (world, host) = world().await;
    world.disk.fail(Point::Migrate, Fault::Version);
    let mut browser = Browser::signed_in(&world, &host).await;
    let result = update(&mut browser, &host, NOTES, "consent=given").await;
    for line in
        ["State now", "What failed", "What was done", "What to do", "notes 1.0.0 serves again."]
    {
        assert!(result.says(line), "no {line:?} in {}", result.text);
    }
    let overview = browser.get("/").await;
    let main = overview.text.split("<main").nth(1).unwrap();
    let (first, rest) = main.split_once("<h1").unwrap();
    assert!(first.contains("2.0.0 was taken back"), "{main}");
    assert!(rest.contains("is not offered: failed on this host before"), "{rest}");
    assert!(!rest.contains("Update to 2.0.0"), "{rest}");
}

#[tokio::test]
async fn every_release_has_its_reason() {
    let (world, host) = world().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    let releases = browser.get("/releases/acme/notes").await;
    assert!(releases.says("2.0.0") && releases.says("installed"), "{}", releases.text);
    assert_eq!(browser.get("/releases/acme/unknown").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_check_up_measures_without_updating() {
    let (world, host) = world().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    let before = host.updater.history().await.unwrap().len();
    let page = browser.get("/preflight").await;
    assert!(page.says("Write permission") && page.says("Free space"), "{}", page.text);
    assert_eq!(host.updater.history().await.unwrap().len(), before);
}

#[tokio::test]
async fn an_app_that_is_not_installed_is_found_and_installed_by_forms_alone() {
    let (world, host) = world().await;
    world.publisher().app(
        "acme/hello",
        "1.0.0",
        json!({"name": "Hello", "summary": "Says hello."}),
    );
    world.publisher().app("acme/later", "1.0.0", json!({"core": ">=9.0"}));
    world.publish();
    let mut browser = Browser::signed_in(&world, &host).await;
    assert!(browser.get("/").await.says(r#"href="/apps""#));
    let shelf = browser.get("/apps").await;
    for part in ["Hello", "Says hello.", "acme/hello", "claimed author", "1.0.0</strong> is not"] {
        assert!(shelf.says(part), "no {part:?} in {}", shelf.text);
    }
    assert!(!shelf.says("acme/notes"), "what is installed is no offer: {}", shelf.text);
    assert!(!shelf.says(r#"value="acme/later""#), "no button without an offer: {}", shelf.text);

    let plan = browser.submit(&shelf, "/plans", "target=acme%2Fhello").await;
    assert!(plan.says("Install Hello 1.0.0"), "{}", plan.text);
    browser.submit(&plan, &start_address(&plan), "").await;
    let id = newest(&host).await;
    host.updater.finished(&id).await.unwrap().unwrap();
    let result = browser.get(&format!("/updates/{id}")).await;
    assert!(result.says("Hello 1.0.0 is running."), "{}", result.text);
    assert!(!browser.get("/apps").await.says("Says hello."));
}

#[tokio::test]
async fn a_repository_that_is_gone_says_so_on_the_page_of_apps() {
    let (world, host) = world().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    world.repository.disappear();
    let page = browser.get("/apps").await;
    assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(page.says("newleaf check"), "{}", page.text);
}
