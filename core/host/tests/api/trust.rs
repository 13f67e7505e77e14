//! Who signs for what is installed, and how another signer takes their place.

use axum::http::StatusCode;
use newleaf_launcher::journal::Entry;
use serde_json::{Value, json};

use crate::world::Scene;

/// Notes 1.0.0 is installed; its author's key was replaced by one that offline keys vouch for.
async fn with_another_signer() -> Scene {
    let scene = Scene::with_update().await;
    scene.world.publisher().claim("acme", 51);
    scene.world.publish();
    let (status, _) = scene.post("/api/v1/check", json!(null)).await;
    assert_eq!(status, StatusCode::OK);
    scene
}

async fn signer(scene: &Scene) -> Value {
    let (status, view) = scene.get("/api/v1/trust").await;
    assert_eq!(status, StatusCode::OK, "{view:#}");
    view["signers"][0].clone()
}

async fn accept(scene: &Scene, signer: &Value) -> (StatusCode, Value) {
    scene.post("/api/v1/trust/accept", json!({ "namespace": "acme", "signer": signer })).await
}

fn notices(scene: &Scene) -> Vec<String> {
    let text = |entry| if let Entry::Notice { text } = entry { Some(text) } else { None };
    scene.world.disk.journal().into_iter().filter_map(|record| text(record.entry)).collect()
}

#[tokio::test]
async fn a_pinned_signer_is_shown_and_nobody_else_while_nobody_else_is_offered() {
    let scene = Scene::with_update().await;
    let row = signer(&scene).await;
    assert_eq!((&row["namespace"], &row["offered"]), (&json!("acme"), &Value::Null));
    assert_eq!((&row["pinned"]["n"], &row["pinned"]["level"]), (&json!(1), &json!("claimed")));
    let (status, problem) = accept(&scene, &row["pinned"]).await;
    assert_eq!((status, &problem["exit"]), (StatusCode::CONFLICT, &json!(0)), "{problem:#}");
}

#[tokio::test]
async fn another_signer_is_refused_until_an_admin_accepts_it() {
    let scene = with_another_signer().await;
    let (status, problem) = scene.post("/api/v1/plan", json!({ "target": "acme/notes" })).await;
    assert_eq!((status, &problem["exit"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(4)));
    let row = signer(&scene).await;
    for one in [&row["pinned"], &row["offered"]] {
        let short = &one["keys"][0].as_str().unwrap()[..12];
        assert!(problem["detail"].as_str().unwrap().contains(short), "{problem:#}");
    }

    let (status, accepted) = accept(&scene, &row["offered"]).await;
    assert_eq!((status, &accepted["pinned"]), (StatusCode::OK, &row["offered"]), "{accepted:#}");
    assert_eq!((&accepted["offered"], &accepted["trouble"]), (&Value::Null, &Value::Null));
    assert_eq!(scene.update("acme/notes").await["ending"], "committed");
    let told = notices(&scene);
    assert!(told.iter().any(|text| text.starts_with("cli:ada accepts")), "{told:?}");
}

#[tokio::test]
async fn an_accepted_signer_outlives_the_host() {
    let scene = with_another_signer().await;
    let offered = signer(&scene).await["offered"].clone();
    assert_eq!(accept(&scene, &offered).await.0, StatusCode::OK);
    let pins = scene.world.disk.pins();
    assert_eq!((pins.len(), pins[0].n), (1, 2));
    assert_eq!(json!(pins[0].keys.keys().collect::<Vec<_>>()), offered["keys"]);
}

#[tokio::test]
async fn only_the_signer_that_was_agreed_to_is_accepted() {
    let scene = with_another_signer().await;
    let agreed = signer(&scene).await["offered"].clone();
    let before = scene.world.disk.pins();
    scene.world.publisher().claim("acme", 52);
    scene.world.publish();
    let (status, problem) = accept(&scene, &agreed).await;
    assert_eq!((status, &problem["exit"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(4)));
    assert_eq!((scene.world.disk.pins(), notices(&scene)), (before, Vec::new()));
}

#[tokio::test]
async fn a_namespace_that_nothing_was_installed_from_has_no_signer_to_replace() {
    let scene = with_another_signer().await;
    let signer = signer(&scene).await["offered"].clone();
    let body = json!({ "namespace": "north", "signer": signer });
    let (status, problem) = scene.post("/api/v1/trust/accept", body).await;
    assert_eq!((status, &problem["exit"]), (StatusCode::NOT_FOUND, &json!(1)), "{problem:#}");
}
