//! Requests that another site makes a browser send.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};

use crate::browser::{Browser, ORIGIN, post_request};
use crate::story::world;

/// Whether a `POST` from `origin` and `site`, with a good cookie and a good form token, passes.
async fn status_of(origin: &str, site: &str) -> StatusCode {
    let (world, host) = world().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    let token = browser.get("/").await.form_token();
    let request = post_request("/check", origin, site);
    browser.send(request.body(Body::from(format!("form_token={token}"))).unwrap()).await.status
}

#[tokio::test]
async fn only_our_own_origin_with_its_port_may_change_something() {
    assert_eq!(status_of(ORIGIN, "same-origin").await, StatusCode::SEE_OTHER);
    for (origin, site) in [
        ("http://127.0.0.1:8080", "same-origin"),
        ("http://localhost:8081", "same-origin"),
        ("https://127.0.0.1:8081", "same-origin"),
        ("http://127.0.0.1", "same-origin"),
        ("https://evil.example.com", "cross-site"),
        ("null", "cross-site"),
        (ORIGIN, "same-site"),
        (ORIGIN, "cross-site"),
    ] {
        assert_eq!(status_of(origin, site).await, StatusCode::FORBIDDEN, "{origin} {site}");
    }
}

#[tokio::test]
async fn a_request_that_hides_its_origin_changes_nothing() {
    let (world, host) = world().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    let token = browser.get("/").await.form_token();
    let mut request = post_request("/check", ORIGIN, "none")
        .body(Body::from(format!("form_token={token}")))
        .unwrap();
    request.headers_mut().remove(header::ORIGIN);
    let page = browser.send(request).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.says("does not say which page sent it"), "{}", page.text);
}

#[tokio::test]
async fn a_form_needs_the_token_of_its_own_session() {
    let (world, host) = world().await;
    let mut other = Browser::signed_in(&world, &host).await;
    let foreign = other.get("/").await.form_token();
    let mut browser = Browser::signed_in(&world, &host).await;
    for form in [String::new(), "form_token=".to_owned(), format!("form_token={foreign}")] {
        let page = browser.post("/check", &form).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{form:?}");
        assert!(page.says("does not belong to this session"), "{}", page.text);
    }
}

#[tokio::test]
async fn a_name_pointed_at_this_machine_is_not_answered() {
    let (world, host) = world().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    for name in ["evil.example.com:8081", "127.0.0.1:8080", "127.0.0.1"] {
        let request = Request::get("/").header(header::HOST, name).body(Body::empty()).unwrap();
        let page = browser.send(request).await;
        assert_eq!(page.status, StatusCode::MISDIRECTED_REQUEST, "{name}");
    }
}

#[tokio::test]
async fn another_port_of_this_machine_cannot_even_read() {
    let (world, host) = world().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    let request = Request::get("/")
        .header(header::HOST, "127.0.0.1:8081")
        .header("sec-fetch-site", "same-site")
        .header("sec-fetch-mode", "no-cors");
    let page = browser.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn every_answer_carries_the_strict_policy() {
    let (world, host) = world().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    for path in ["/", "/history", "/nowhere", "/sign-in"] {
        let page = browser.get(path).await;
        let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert_eq!(
            policy,
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
             connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            "{path}"
        );
        assert_eq!(page.headers[header::CACHE_CONTROL], "no-store", "{path}");
    }
}

#[tokio::test]
async fn assets_are_kept_for_ever_under_the_name_of_their_digest() {
    let (world, host) = world().await;
    let mut browser = Browser::new(&world, &host);
    let page = browser.get("/sign-in").await;
    let style = page.text.split(r#"rel="stylesheet" href=""#).nth(1).unwrap();
    let style = style.split('"').next().unwrap().to_owned();
    let asset = browser.get(&style).await;
    assert_eq!(asset.status, StatusCode::OK);
    assert_eq!(asset.headers[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
    assert_eq!(browser.get("/assets/app.css").await.status, StatusCode::NOT_FOUND);
}
