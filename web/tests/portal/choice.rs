//! Any version, any channel, hop after hop: by plain forms.

use axum::http::StatusCode;
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
