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
    admin(&scene.api, Router::new(), gate(scene).await)
}

async fn gate(scene: &Scene) -> Gate {
    let sessions = MemorySessions::default();
    let now = newleaf_domain::Clock::now(&*scene.world.clock);
    let key = Secret::from_bytes(SECRET).key();
    let session =
        Session { key, account: "ada".to_owned(), began: now, expires: now.plus_seconds(60) };
    sessions.add(session).await.unwrap();
    let origins = OriginPolicy::loopback(8081);
    Gate { sessions: Arc::new(sessions), origins, clock: scene.world.clock.clone() }
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
        request.headers_mut().insert("x-newleaf-form-token", form_token(scene).await);
    }
    send(listener(scene).await, request).await
}

/// The value that the session's forms carry.
async fn form_token(scene: &Scene) -> HeaderValue {
    let gate = gate(scene).await;
    let mut asked = request(Method::GET, "/", None);
    asked.headers_mut().insert("cookie", HeaderValue::try_from(cookie()).unwrap());
    let (parts, _) = asked.into_parts();
    let origin = gate.admit(&parts).unwrap();
    let signed_in = gate.who(origin, &parts.headers).await.unwrap().unwrap();
    HeaderValue::try_from(signed_in.form_token()).unwrap()
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

#[tokio::test]
async fn a_change_without_the_sessions_form_token_is_refused() {
    let scene = Scene::with_offer();
    for token in [None, Some("0".repeat(64))] {
        let mut request =
            request(Method::POST, "/api/v1/plan", Some(json!({ "target": "acme/notes" })));
        let headers = request.headers_mut();
        headers.insert("origin", HeaderValue::from_static("http://127.0.0.1:8081"));
        headers.insert("cookie", HeaderValue::try_from(cookie()).unwrap());
        if let Some(token) = token {
            headers.insert("x-newleaf-form-token", HeaderValue::try_from(token).unwrap());
        }
        let (status, problem) = send(listener(&scene).await, request).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(problem["todo"].as_str().unwrap().contains("x-newleaf-form-token"), "{problem:#}");
    }
}

#[tokio::test]
async fn health_and_metrics_answer_at_the_portals_addresses_alone() {
    let scene = Scene::over(World::new(), Said(None));
    for path in ["/healthz", "/readyz", "/metrics"] {
        let router = listener(&scene).await;
        let (status, _) = send(router.clone(), request(Method::GET, path, None)).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        let mut rebound = request(Method::GET, path, None);
        rebound.headers_mut().insert("host", HeaderValue::from_static("evil.example.com:8081"));
        let mut embedded = request(Method::GET, path, None);
        embedded.headers_mut().insert("sec-fetch-site", HeaderValue::from_static("same-site"));
        embedded.headers_mut().insert("sec-fetch-mode", HeaderValue::from_static("cors"));
        for foreign in [rebound, embedded] {
            let (status, problem) = send(router.clone(), foreign).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
            assert_eq!(problem["type"], "urn:newleaf:problem:forbidden");
        }
    }
}

#[tokio::test]
async fn whatever_is_not_understood_is_a_problem_document() {
    use axum::body::Body;
    use axum::http::{Request, header};
    use tower::ServiceExt as _;

    let scene = Scene::with_offer();
    for (method, path, body, expected, allow) in [
        (Method::GET, "/api/v1/updates/x", "", StatusCode::BAD_REQUEST, None),
        (Method::GET, "/api/v1/updates/x/events", "", StatusCode::BAD_REQUEST, None),
        (Method::GET, "/api/v1/updates/%ff", "", StatusCode::BAD_REQUEST, None),
        (Method::GET, "/api/v1/apps/Bad/%ff", "", StatusCode::BAD_REQUEST, None),
        (Method::GET, "/api/v1/plan?id=x", "", StatusCode::BAD_REQUEST, None),
        (Method::GET, "/api/v1/preflight?target=Bad", "", StatusCode::BAD_REQUEST, None),
        (Method::POST, "/api/v1/plan", "{", StatusCode::BAD_REQUEST, None),
        (Method::POST, "/api/v1/plan", "{\"x\":1}", StatusCode::BAD_REQUEST, None),
        (Method::DELETE, "/api/v1/status", "", StatusCode::METHOD_NOT_ALLOWED, Some("GET,HEAD")),
        (Method::PUT, "/api/v1/check", "", StatusCode::METHOD_NOT_ALLOWED, Some("POST")),
        (Method::GET, "/api/v1/nothing", "", StatusCode::NOT_FOUND, None),
        (Method::GET, "/api/v1/", "", StatusCode::NOT_FOUND, None),
        (Method::GET, "/api/v2/status", "", StatusCode::NOT_FOUND, None),
        (Method::POST, "/api", "", StatusCode::NOT_FOUND, None),
        (Method::GET, "/nothing", "", StatusCode::NOT_FOUND, None),
    ] {
        let mut request = Request::new(Body::from(body));
        let what = format!("{method} {path}");
        (*request.method_mut(), *request.uri_mut()) = (method, path.parse().unwrap());
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::CONTENT_TYPE, json);
        request.extensions_mut().insert(Peer { uid: 0 });
        let response = local(&scene.api, 998).oneshot(request).await.unwrap();
        assert_eq!(response.status(), expected, "{what}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json", "{what}");
        let allowed = response.headers().get(header::ALLOW).map(|allow| allow.to_str().unwrap());
        assert_eq!(allowed, allow, "{what}");
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let problem: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem["status"], expected.as_u16(), "{what}");
        assert!(!problem["detail"].as_str().unwrap().is_empty(), "{what}");
        assert!(!problem["todo"].as_str().unwrap().is_empty(), "{what}");
    }
}
