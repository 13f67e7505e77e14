//! Installed apps, and the switches that change no version.

use axum::http::StatusCode;
use serde_json::json;

use crate::world::Scene;

#[tokio::test]
async fn an_app_is_switched_off_and_on_and_removed() {
    let scene = Scene::with_update().await;
    let (status, _) = scene.post("/api/v1/apps/acme/notes/disable", json!(null)).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(scene.get("/api/v1/apps/acme/notes").await.1["serving"], false);
    let (status, _) = scene.post("/api/v1/apps/acme/notes/enable", json!(null)).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(scene.get("/api/v1/apps/acme/notes").await.1["serving"], true);
    let (status, _) =
        scene.post("/api/v1/apps/acme/notes/remove", json!({ "keep_data": true })).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(scene.get("/api/v1/apps").await.1, json!([]));
}

#[tokio::test]
async fn an_app_that_is_not_installed_is_not_found() {
    let scene = Scene::with_offer();
    for (status, problem) in [
        scene.get("/api/v1/apps/acme/notes").await,
        scene.post("/api/v1/apps/acme/notes/disable", json!(null)).await,
        scene.post("/api/v1/rollback", json!({ "target": "acme/notes" })).await,
    ] {
        assert_eq!((status, &problem["exit"]), (StatusCode::NOT_FOUND, &json!(2)), "{problem:#}");
        assert_eq!(problem["type"], "urn:newleaf:problem:unknown-target");
        assert_eq!(problem["detail"], "acme/notes is not installed");
    }
}

#[tokio::test]
async fn an_app_goes_back_to_the_version_before() {
    let scene = Scene::with_update().await;
    scene.update("acme/notes").await;
    let (status, started) = scene.post("/api/v1/rollback", json!({ "target": "acme/notes" })).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{started:#}");
    assert_eq!(scene.end(&started).await["ending"], "committed");
    assert_eq!(scene.get("/api/v1/apps/acme/notes").await.1["version"], "1.0.0");
}

#[tokio::test]
async fn a_sign_in_link_points_to_the_portal() {
    let scene = Scene::with_offer();
    let (status, link) = scene.post("/api/v1/sign-in-links", json!(null)).await;
    assert_eq!(status, StatusCode::CREATED);
    assert!(link["url"].as_str().unwrap().starts_with("http://127.0.0.1:8081/sign-in/"), "{link}");
}

#[tokio::test]
async fn a_job_is_run_when_it_is_asked_for_and_a_refusal_says_why() {
    let scene = Scene::with_offer();
    let run = |path: &'static str| {
        let scene = &scene;
        async move { scene.post(&format!("/api/v1/apps/{path}/run"), json!(null)).await }
    };
    let (status, end) = run("acme/notes/jobs/fetch").await;
    assert_eq!((status, end), (StatusCode::OK, json!({ "end": "done" })));
    for (path, exit, part) in [
        ("acme/notes/jobs/other", 1, "no such job"),
        ("acme/other/jobs/fetch", 2, "not installed"),
        ("acme/notes/jobs/main", 3, "the app is being updated"),
    ] {
        let (status, problem) = run(path).await;
        assert!(status.is_client_error(), "{path}: {status}");
        assert_eq!(problem["exit"], exit, "{problem:#}");
        assert!(problem["detail"].as_str().unwrap().contains(part), "{problem:#}");
    }
}
