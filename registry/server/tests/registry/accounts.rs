//! Tokens, namespaces and the headers that requests need.

use axum::body::Body;
use http::{Request, StatusCode};
use newleaf_domain::Digest;
use newleaf_registry_api::{Code, ContentDigest, path};

use crate::support::author::Author;
use crate::support::world::{START, World, make_token, succeed};

#[tokio::test]
async fn a_request_without_a_valid_token_is_refused() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    for header in [
        None,
        Some("Bearer newleaf_00"),
        Some("Basic abc"),
        Some(&*format!("Bearer newleaf_{}", "0".repeat(64))),
    ] {
        let mut request = Request::put(path::role(&ada.namespace)).header("if-match", "\"0\"");
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{header:?}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
}

#[tokio::test]
async fn a_token_reaches_only_its_names_and_actions() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let (notes, tasks) =
        (ada.release("notes", "1.0.0", START), ada.release("tasks", "1.0.0", START));
    world.publish_first(&ada, &[&notes]).await;
    world.upload_all(&tasks).await;
    let role = ada.role(2, &[&notes, &tasks], START);
    let only_notes = make_token(&world.dir(), "ada", &["--names", "acme/notes"]);
    let answer = world.send_role_as(&only_notes, &ada, 1, role.clone()).await;
    assert_eq!((answer.status, answer.problem().code), (StatusCode::FORBIDDEN, Code::OutOfScope));
    let only_yank = make_token(&world.dir(), "ada", &["--allow", "yank"]);
    let answer = world.send_role_as(&only_yank, &ada, 1, role.clone()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let stranger = make_token(&world.dir(), "eve", &[]);
    let answer = world.send_role_as(&stranger, &ada, 1, role.clone()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let only_tasks = make_token(&world.dir(), "ada", &["--names", "acme/tasks"]);
    let answer = world.send_role_as(&only_tasks, &ada, 1, role).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
}

#[tokio::test]
async fn a_revoked_token_and_an_expired_one_are_refused() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let dir = world.dir();
    let dir = dir.to_str().unwrap();
    let made = succeed(&["token", "create", "--json", "--dir", dir, "--publisher", "ada"]);
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let token = made["token"].as_str().unwrap();
    let first = world.send_role_as(token, &ada, 0, Vec::new()).await;
    assert_eq!(first.status, StatusCode::NOT_FOUND, "the namespace is not claimed");
    world.clock.advance(86_400 * 365 * 10);
    assert_eq!(
        world.send_role_as(token, &ada, 0, Vec::new()).await.status,
        StatusCode::UNAUTHORIZED
    );
    world.clock.advance(-86_400 * 365 * 10);
    succeed(&["token", "revoke", "--dir", dir, &made["id"].to_string()]);
    assert_eq!(
        world.send_role_as(token, &ada, 0, Vec::new()).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_namespace_is_given_once() {
    let world = World::start().await;
    assert_eq!(world.claim(&Author::new("acme", 1)).await.status, StatusCode::CREATED);
    let second = world.claim(&Author::new("acme", 2)).await;
    assert_eq!(
        (second.status, second.problem().code),
        (StatusCode::CONFLICT, Code::NamespaceTaken)
    );
    let shown = world.get("/api/v1/namespaces/acme").await.json();
    assert_eq!((shown["level"].as_str(), shown["version"].as_u64()), (Some("fresh"), Some(0)));
}

#[tokio::test]
async fn a_role_needs_an_if_match_that_names_a_version() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    world.claim(&ada).await;
    let put = || {
        Request::put(path::role(&ada.namespace))
            .header("authorization", format!("Bearer {}", world.token))
    };
    let missing = world.send(put().body(Body::empty()).unwrap()).await;
    assert_eq!(missing.status, StatusCode::PRECONDITION_REQUIRED);
    let any = world.send(put().header("if-match", "*").body(Body::empty()).unwrap()).await;
    assert_eq!(any.status, StatusCode::PRECONDITION_FAILED);
}

#[tokio::test]
async fn an_upload_must_be_what_it_announces_and_no_longer_than_allowed() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    world.claim(&ada).await;
    let put = |digest: &[u8], body: Vec<u8>| {
        Request::put("/api/v1/targets/apps/acme/notes/1.0.0/icon.svg")
            .header("authorization", format!("Bearer {}", world.token))
            .header("content-digest", ContentDigest(Digest::of(digest)).to_string())
            .body(Body::from(body))
            .unwrap()
    };
    let other = world.send(put(b"one", b"two".to_vec())).await;
    assert_eq!(other.problem().code, Code::DigestMismatch);
    let large = vec![0; 65 * 1024];
    let answer = world.send(put(&large, large.clone())).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let none = Request::put("/api/v1/targets/apps/acme/notes/1.0.0/icon.svg")
        .header("authorization", format!("Bearer {}", world.token));
    let none = world.send(none.body(Body::empty()).unwrap()).await;
    assert_eq!(none.problem().field.as_deref(), Some("Content-Digest"));
    assert_eq!(std::fs::read_dir(world.dir().join("objects")).unwrap().count(), 0);
}
