//! Signing in and out.

use axum::http::{StatusCode, header};

use crate::browser::Browser;
use crate::story::world;

#[tokio::test]
async fn a_link_that_is_only_opened_is_not_used_up() {
    let (world, host) = world().await;
    let mut browser = Browser::new(&world, &host);
    let link = browser.link().await;
    for _ in 0..2 {
        let page = browser.get(&link).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.says("signs you in as") && browser.cookie.is_none());
    }
    let answer = browser.post(&link, "").await;
    assert_eq!(answer.location(), "/");
    assert!(browser.get("/").await.says("Overview"));
}

#[tokio::test]
async fn a_link_used_twice_says_so_and_how_to_get_another() {
    let (world, host) = world().await;
    let mut browser = Browser::new(&world, &host);
    let link = browser.link().await;
    browser.post(&link, "").await;
    browser.cookie = None;
    for page in [browser.get(&link).await, browser.post(&link, "").await] {
        assert_eq!(page.status, StatusCode::GONE);
        assert!(page.says("This link has been used") && page.says("newleaf sign-in-link"));
    }
    assert!(browser.cookie.is_none());
}

#[tokio::test]
async fn a_link_is_too_old_after_15_minutes() {
    let (world, host) = world().await;
    let mut browser = Browser::new(&world, &host);
    let link = browser.link().await;
    let now = newleaf_domain::Clock::now(&*world.clock);
    world.clock.set(now.plus_seconds(15 * 60));
    let page = browser.post(&link, "").await;
    assert_eq!(page.status, StatusCode::GONE);
    assert!(page.says("This link is too old"));
}

#[tokio::test]
async fn an_address_that_is_no_link_signs_nobody_in() {
    let (world, host) = world().await;
    let mut browser = Browser::new(&world, &host);
    for path in [format!("/sign-in/{}", "ab".repeat(32)), "/sign-in/short".to_owned()] {
        let page = browser.post(&path, "").await;
        assert_eq!(page.status, StatusCode::NOT_FOUND);
        assert!(page.says("This link is not known here") && browser.cookie.is_none());
    }
}

#[tokio::test]
async fn the_cookie_is_for_our_pages_alone() {
    let (world, host) = world().await;
    let mut browser = Browser::new(&world, &host);
    let link = browser.link().await;
    let answer = browser.post(&link, "").await;
    let set = answer.headers[header::SET_COOKIE].to_str().unwrap().to_owned();
    let (pair, flags) = set.split_once(';').unwrap();
    assert!(pair.starts_with("newleaf=") && pair.len() == "newleaf=".len() + 64, "{set}");
    assert_eq!(flags, " Max-Age=43200; Path=/; HttpOnly; SameSite=Strict");
}

#[tokio::test]
async fn a_visitor_without_a_session_is_told_how_to_sign_in() {
    let (world, host) = world().await;
    let mut browser = Browser::new(&world, &host);
    let page = browser.get("/history").await;
    assert_eq!(page.status, StatusCode::UNAUTHORIZED);
    assert!(page.says("newleaf sign-in-link") && page.says(r#"href="/history""#), "{}", page.text);
}

#[tokio::test]
async fn a_planted_cookie_is_dropped() {
    let (world, host) = world().await;
    let mut browser = Browser::new(&world, &host);
    browser.cookie = Some(format!("newleaf={}", "ab".repeat(32)));
    let page = browser.get("/").await;
    assert_eq!(page.status, StatusCode::UNAUTHORIZED);
    assert_eq!(browser.cookie, None, "the cookie was not taken back");
}

#[tokio::test]
async fn a_planted_cookie_beside_the_real_one_does_no_harm() {
    let (world, host) = world().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    browser.cookie = browser.cookie.map(|real| format!("newleaf=planted; {real}"));
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_ends_after_12_hours() {
    let (world, host) = world().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    let now = newleaf_domain::Clock::now(&*world.clock);
    world.clock.set(now.plus_seconds(12 * 3600));
    assert_eq!(browser.get("/").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn signing_out_ends_the_session_in_the_store_too() {
    let (world, host) = world().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    let stolen = browser.cookie.clone();
    let overview = browser.get("/").await;
    browser.submit(&overview, "/sign-out", "").await;
    assert_eq!(browser.cookie, None);
    browser.cookie = stolen;
    assert_eq!(browser.get("/").await.status, StatusCode::UNAUTHORIZED);
}
