//! Plans are carried out exactly so, or refused with what takes their place.

use axum::http::StatusCode;
use newleaf_update::port::{Area, ProbeFault};
use serde_json::json;

use crate::world::Scene;

#[tokio::test]
async fn an_app_is_updated_by_its_plan_and_history_says_who_asked() {
    let scene = Scene::with_update().await;
    let report = scene.update("acme/notes").await;
    assert_eq!((&report["ending"], &report["to"]), (&json!("committed"), &json!("2.0.0")));
    let (_, history) = scene.get("/api/v1/history").await;
    assert_eq!((&history[0]["to"], &history[0]["by"]), (&json!("2.0.0"), &json!("cli:ada")));
    assert_eq!(history.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_plan_can_be_looked_at_again_by_its_id() {
    let scene = Scene::with_offer();
    let plan = scene.plan("acme/notes").await;
    let id = plan["plan"]["id"].as_str().unwrap();
    let (status, again) = scene.get(&format!("/api/v1/plan?id={id}")).await;
    assert_eq!((status, &again["plan"]["id"]), (StatusCode::OK, &plan["plan"]["id"]));
    let (status, problem) = scene.get(&format!("/api/v1/plan?id={}", "0".repeat(64))).await;
    assert_eq!(
        (status, &problem["type"]),
        (StatusCode::NOT_FOUND, &json!("urn:newleaf:problem:not-found"))
    );
}

#[tokio::test]
async fn a_plan_that_was_overtaken_is_refused_with_the_new_one_and_its_link() {
    let scene = Scene::with_update().await;
    let old = scene.plan("acme/notes").await;
    scene.world.publisher().app("acme/notes", "2.1.0", json!({ "schema": 1 }));
    scene.world.publish();
    let later = newleaf_domain::Clock::now(&*scene.world.clock).plus_seconds(3600);
    scene.world.clock.set(later);
    let (status, problem) = scene.start(&old).await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem:#}");
    assert_eq!(
        (&problem["type"], &problem["exit"]),
        (&json!("urn:newleaf:problem:stale-plan"), &json!(1))
    );
    assert_eq!(problem["plan"]["changes"][0]["to"], "2.1.0");
    let (status, new) = scene.get(problem["link"].as_str().unwrap()).await;
    assert_eq!((status, &new["plan"]["id"]), (StatusCode::OK, &problem["plan"]["id"]));
}

#[tokio::test]
async fn a_second_start_is_told_which_update_runs() {
    let scene = Scene::with_update().await;
    let plan = scene.plan("acme/notes").await;
    let (first, second) = tokio::join!(scene.start(&plan), scene.start(&plan));
    let (started, problem) =
        if first.0 == StatusCode::ACCEPTED { (first, second) } else { (second, first) };
    assert_eq!(problem.0, StatusCode::CONFLICT, "{:#}", problem.1);
    assert_eq!(problem.1["type"], "urn:newleaf:problem:busy");
    assert_eq!((&problem.1["running"], &problem.1["exit"]), (&started.1["id"], &json!(6)));
    scene.end(&started.1).await;
}

#[tokio::test]
async fn wider_grants_without_a_yes_start_nothing() {
    let scene = Scene::with_update().await;
    let plan = scene.plan("acme/notes").await;
    let (status, problem) =
        scene.post("/api/v1/update", json!({ "plan": plan["plan"]["id"] })).await;
    assert_eq!(
        (status, &problem["exit"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!(3)),
        "{problem:#}"
    );
    assert_eq!(problem["type"], "urn:newleaf:problem:consent-needed");
    assert_eq!(problem["grants"][0]["reason"], "to keep your notes");
    let (_, apps) = scene.get("/api/v1/apps").await;
    assert_eq!(apps[0]["version"], "1.0.0");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_blocks_with_its_remedy() {
    let scene = Scene::with_update().await;
    let plan = scene.plan("acme/notes").await;
    scene.world.ground.refuse(Area::Slots, ProbeFault::Permission);
    let (status, problem) = scene.start(&plan).await;
    assert_eq!(
        (status, &problem["exit"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!(3)),
        "{problem:#}"
    );
    let blocked = problem["prerequisites"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["standing"] == "block")
        .unwrap();
    assert_eq!(blocked["id"], "write");
    assert!(problem["todo"].as_str().is_some_and(|todo| todo.contains("sudo")), "{problem:#}");
}

#[tokio::test]
async fn nothing_to_update_is_said_so_and_counts_as_done() {
    let scene = Scene::with_offer();
    scene.update("acme/notes").await;
    let (status, problem) = scene.post("/api/v1/plan", json!({ "target": "acme/notes" })).await;
    assert_eq!((status, &problem["exit"]), (StatusCode::CONFLICT, &json!(0)), "{problem:#}");
    assert_eq!(problem["type"], "urn:newleaf:problem:up-to-date");
}

#[tokio::test]
async fn a_body_that_is_not_understood_is_a_problem_document() {
    let scene = Scene::with_offer();
    for body in
        [json!({ "target": "../etc" }), json!({ "target": "core", "force": true }), json!(null)]
    {
        let (status, problem) = scene.post("/api/v1/plan", body).await;
        assert_eq!((status, &problem["exit"]), (StatusCode::BAD_REQUEST, &json!(2)), "{problem:#}");
    }
}

#[tokio::test]
async fn a_repository_that_is_not_there_fails_the_check_and_changes_nothing() {
    let scene = Scene::with_update().await;
    scene.world.repository.disappear();
    let (status, problem) = scene.post("/api/v1/check", json!(null)).await;
    assert_eq!((status, &problem["exit"]), (StatusCode::BAD_GATEWAY, &json!(1)), "{problem:#}");
    assert!(
        problem["state"].as_str().is_some_and(|state| state.contains("1 app serve")),
        "{problem:#}"
    );
    let (status, _) = scene.get("/api/v1/status").await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn a_version_is_refused_and_offered_again() {
    let scene = Scene::with_update().await;
    scene.plan("acme/notes").await;
    let skip = |word: &str| json!({ "target": "acme/notes", "skip": word });
    let (status, view) = scene.post("/api/v1/skip", skip("refuse")).await;
    assert_eq!((status, &view["skipped"]), (StatusCode::OK, &json!(["2.0.0"])), "{view:#}");
    let (status, problem) = scene.post("/api/v1/plan", json!({ "target": "acme/notes" })).await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem:#}");
    assert_eq!(problem["type"], "urn:newleaf:problem:up-to-date");
    let (_, view) = scene.post("/api/v1/skip", skip("offer")).await;
    assert_eq!(view["skipped"], json!([]));
    assert_eq!(scene.plan("acme/notes").await["plan"]["changes"][0]["to"], "2.0.0");
    let (status, problem) = scene.post("/api/v1/skip", skip("offer")).await;
    assert_eq!((status, &problem["exit"]), (StatusCode::NOT_FOUND, &json!(1)), "{problem:#}");
}
