//! Any version, any channel, hop after hop: by plain forms.

use axum::http::StatusCode;
use newleaf_update::Consent;
use newleaf_update::port::fake::World;
use serde_json::json;

use crate::browser::Browser;
use crate::story::{newest, start_address, world};

#[tokio::test]
async fn every_version_has_its_notes_and_an_older_one_can_be_planned() {
    let (world, host) = world().await;
    world.publisher().core("0.9.0", json!({}));
    world.publish();
    host.updater.check().await.unwrap();
    let mut browser = Browser::signed_in(&world, &host).await;
    let versions = browser.get("/releases/core").await;
    for part in ["Versions of Newleaf", "1.1.0", "0.9.0", "Not offered: older than", "minor"] {
        assert!(versions.says(part), "no {part:?} in {}", versions.text);
    }
    let notes = browser.get("/releases/acme/notes").await;
    assert!(notes.says("Better."), "{}", notes.text);
    let plan = browser.submit(&versions, "/plans", "target=core&version=0.9.0").await;
    assert!(plan.says("Take Newleaf back 1.0.0 → 0.9.0"), "{}", plan.text);
    assert!(plan.says("The data stays as it is"), "{}", plan.text);
}

#[tokio::test]
async fn a_channel_that_is_not_for_everyone_is_asked_for_twice() {
    let (world, host) = world().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    let versions = browser.get("/releases/core").await;
    assert!(versions.says("which is for everyone"), "{}", versions.text);
    let ask = browser.submit(&versions, "/channel", "target=core&channel=nightly").await;
    assert!(ask.says("Follow the nightly channel?") && ask.says("lose data"), "{}", ask.text);
    assert!(world.disk.channels().is_empty());
    let done = browser.submit(&ask, "/channel", "target=core&channel=nightly&sure=yes").await;
    assert!(done.says("Follows <strong>nightly</strong>"), "{}", done.text);
    let back = browser.submit(&done, "/channel", "target=core&channel=stable").await;
    assert!(back.says("Follows <strong>stable</strong>"), "{}", back.text);
}

#[tokio::test]
async fn a_plan_of_several_hops_is_shown_and_followed_without_a_script() {
    let world = World::new();
    world.publisher().core("1.1.0", json!({"stepping_stone": true}));
    world.publisher().core("1.2.0", json!({}));
    world.publish();
    let host = world.start();
    host.updater.check().await.unwrap();
    let mut browser = Browser::signed_in(&world, &host).await;
    let overview = browser.get("/").await;
    let plan = browser.submit(&overview, "/plans", "target=core").await;
    for part in ["2 hops", "Hop 1 of 2: A stepping stone", "Hop 2 of 2: What this plan is for."] {
        assert!(plan.says(part), "no {part:?} in {}", plan.text);
    }
    browser.submit(&plan, &start_address(&plan), "").await;
    let first = newest(&host).await;
    host.updater.finished(&first).await.unwrap().unwrap();
    let page = browser.get(&format!("/updates/{first}")).await;
    assert!(page.says("Hop 1 of 2") && page.says("The plan goes on by itself"), "{}", page.text);
    assert!(page.says("http-equiv=\"refresh\""), "{}", page.text);

    let second = host.updater.go_on().await.unwrap().unwrap();
    host.updater.finished(&second).await.unwrap().unwrap();
    let now = format!("/plans/{}/now", host.updater.report(&first).await.unwrap().unwrap().plan);
    let led = browser.get(&now).await;
    assert_eq!(led.status, StatusCode::SEE_OTHER);
    assert_eq!(led.location(), format!("/updates/{second}"));
    let page = browser.get(&format!("/updates/{second}")).await;
    assert!(page.says("Hop 2 of 2") && !page.says("goes on by itself"), "{}", page.text);
}

#[tokio::test]
async fn a_version_is_refused_on_its_plan_and_offered_again_from_the_list() {
    let (world, host) = world().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    let overview = browser.get("/").await;
    let plan = browser.submit(&overview, "/plans", "target=acme/notes").await;
    assert!(plan.says("Refuse this version") && plan.says("more than today"), "{}", plan.text);
    let refuse = "target=acme/notes&version=2.0.0&skip=refuse";
    let versions = browser.submit(&plan, "/skip", refuse).await;
    assert!(versions.says("Not offered: refused on this host by an admin"), "{}", versions.text);
    let overview = browser.get("/").await;
    assert!(!overview.says("Update to 2.0.0"), "{}", overview.text);
    assert!(overview.says("is not offered: refused on this host"), "{}", overview.text);
    let offer = "target=acme/notes&version=2.0.0&skip=offer";
    browser.submit(&versions, "/skip", offer).await;
    let overview = browser.get("/").await;
    assert!(overview.says("Update to 2.0.0"), "{}", overview.text);
}

#[tokio::test]
async fn an_app_that_is_installed_says_what_it_asks_for_and_what_all_apps_share() {
    let (world, host) = world().await;
    let asks = json!([{"kind": "http", "host": "a.example.com", "reason": "to read a"}]);
    world.publisher().app("acme/reader", "1.0.0", json!({ "capabilities": asks }));
    world.publish();
    host.updater.check().await.unwrap();
    let mut browser = Browser::signed_in(&world, &host).await;
    let apps = browser.get("/apps").await;
    let plan = browser.submit(&apps, "/plans", "target=acme/reader").await;
    for part in [
        "Talk to a.example.com",
        "“<bdi>to read a</bdi>”",
        "below one address",
        "what stands above",
    ] {
        assert!(plan.says(part), "no {part:?} in {}", plan.text);
    }
    let refused = browser.submit(&plan, &start_address(&plan), "").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(world.disk.state().apps.len() == 1, "{:?}", world.disk.state().apps.keys());
}

#[tokio::test]
async fn a_core_that_leaves_apps_behind_says_which_and_needs_a_yes_to_that() {
    let world = World::new();
    let notes = |version: &str, core: &str| {
        let said = json!({ "schema": 1, "oldest_reader": 1, "core": core });
        world.publisher().app("acme/notes", version, said);
    };
    notes("1.0.0", "<1.1.0");
    world.publish();
    let host = world.start();
    let plan = host.updater.plan(&crate::story::notes(), None).await.unwrap().plan.id;
    let yes = newleaf_update::Approval::new(plan, Consent::Given, "setup".to_owned());
    let installed = host.updater.start(yes).await.unwrap();
    host.updater.finished(&installed).await.unwrap().unwrap();
    world.publisher().core("1.1.0", json!({}));
    notes("2.0.0", ">=1.1.0");
    world.publish();
    world.clock.set(newleaf_domain::Clock::now(&*world.clock).plus_seconds(3600));
    host.updater.check().await.unwrap();
    let mut browser = Browser::signed_in(&world, &host).await;
    let overview = browser.get("/").await;
    let plan = browser.submit(&overview, "/plans", "target=core").await;
    for part in
        ["1 app does not run on it", "needs core &lt;1.1.0", "2.0.0</strong> brings it back"]
    {
        assert!(plan.says(part), "no {part:?} in {}", plan.text);
    }
    let refused = browser.submit(&plan, &start_address(&plan), "").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.says("apps would be suspended"), "{}", refused.text);
    browser.submit(&plan, &start_address(&plan), "suspend=given").await;
    let update = newest(&host).await;
    assert!(host.updater.finished(&update).await.unwrap().unwrap().exit_class().is_none());
}
