//! Who may ask: users of this machine on the socket, people who are signed in on the listener.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, Method, StatusCode};
use newleaf::route::{Peer, admin, local};
use newleaf_update::port::fake::World;
use newleaf_web::gate::Gate;
use newleaf_web::origin::OriginPolicy;
use newleaf_web::store::{MemorySessions, Session, SessionStore as _};
use newleaf_web::token::Secret;
use serde_json::{Value, json};

use crate::world::{Said, Scene, request, send};

const SECRET: [u8; 32] = [7; 32];

/// The admin listener, with one person signed in.
async fn listener(scene: &Scene) -> Router {
    let sessions = MemorySessions::default();
    let now = newleaf_domain::Clock::now(&*scene.world.clock);
    let key = Secret::from_bytes(SECRET).key();
    let session =
        Session { key, account: "ada".to_owned(), began: now, expires: now.plus_seconds(60) };
    sessions.add(session).await.unwrap();
    let origins = OriginPolicy::loopback(8081);
    let gate = Gate { sessions: Arc::new(sessions), origins, clock: scene.world.clock.clone() };
    admin(&scene.api, Router::new(), gate)
}

/// Asks for a plan from `origin`, with the cookie or without.
async fn ask(
    scene: &Scene,
    origin: Option<&'static str>,
    cookie: Option<String>,
) -> (StatusCode, Value) {
    let mut request =
        request(Method::POST, "/api/v1/plan", Some(json!({ "target": "acme/notes" })));
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", HeaderValue::from_static(origin));
    }
    if let Some(cookie) = cookie {
        request.headers_mut().insert("cookie", HeaderValue::try_from(cookie).unwrap());
    }
    send(listener(scene).await, request).await
}

fn cookie() -> String {
    format!("newleaf={}", Secret::from_bytes(SECRET).reveal())
}

#[tokio::test]
async fn a_person_who_is_signed_in_may_ask_from_the_portals_own_origin() {
    let scene = Scene::with_offer();
    let (status, plan) = ask(&scene, Some("http://127.0.0.1:8081"), Some(cookie())).await;
    assert_eq!(status, StatusCode::OK, "{plan:#}");
}

#[tokio::test]
async fn another_origin_a_missing_one_and_no_session_are_refused() {
    let scene = Scene::with_offer();
    // An app on the public port of the same machine is another origin.
    for origin in [Some("http://127.0.0.1:8080"), Some("https://evil.example.com"), None] {
        let (status, problem) = ask(&scene, origin, Some(cookie())).await;
        assert_eq!(
            (status, &problem["type"]),
            (StatusCode::FORBIDDEN, &json!("urn:newleaf:problem:forbidden"))
        );
    }
    let (status, problem) = ask(&scene, Some("http://127.0.0.1:8081"), None).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(problem["todo"].as_str().unwrap().contains("newleaf sign-in-link"));
}

#[tokio::test]
async fn the_socket_needs_no_session_and_knows_its_peer() {
    let scene = Scene::with_offer();
    for (uid, expected) in
        [(0, StatusCode::OK), (998, StatusCode::OK), (997, StatusCode::FORBIDDEN)]
    {
        let mut request = request(Method::GET, "/api/v1/status", None);
        request.extensions_mut().insert(Peer { uid });
        assert_eq!(send(local(&scene.api, 998), request).await.0, expected, "uid {uid}");
    }
}

#[tokio::test]
async fn health_says_whether_the_process_does_its_work() {
    for (said, expected) in
        [(None, StatusCode::OK), (Some("the disk is full"), StatusCode::SERVICE_UNAVAILABLE)]
    {
        let scene = Scene::over(World::new(), Said(said));
        let router = listener(&scene).await;
        let (status, _) = send(router.clone(), request(Method::GET, "/readyz", None)).await;
        assert_eq!(status, expected);
        let (status, _) = send(router, request(Method::GET, "/healthz", None)).await;
        assert_eq!(status, StatusCode::OK);
    }
}
