//! The event stream of an update: complete, resumable, and ended when the process stops serving.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use newleaf::route::{Caller, UpdateEvent, alone};
use tower::ServiceExt as _;

use crate::world::{Scene, request};

/// The stream's text from the record after `after` to its end.
async fn stream(scene: &Scene, path: &str, after: u64) -> String {
    let mut request = request(Method::GET, path, None);
    request.headers_mut().insert("last-event-id", after.into());
    let router = alone(&scene.api, Caller { by: "cli:ada".to_owned() });
    let response = router.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    text(response.into_body()).await
}

async fn text(body: Body) -> String {
    String::from_utf8(axum::body::to_bytes(body, 1 << 20).await.unwrap().into()).unwrap()
}

fn ids(text: &str) -> Vec<u64> {
    text.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect()
}

#[tokio::test]
async fn a_late_viewer_gets_every_record_and_the_report() {
    let scene = Scene::with_offer();
    let (_, started) = scene.start(&scene.plan("acme/notes").await).await;
    scene.end(&started).await;
    let text = stream(&scene, started["events"].as_str().unwrap(), 0).await;
    let seen = ids(&text);
    assert!(seen.len() > 10 && seen.windows(2).all(|pair| pair[0] < pair[1]), "{seen:?}");
    let last = text.lines().rev().find_map(|line| line.strip_prefix("data: ")).unwrap();
    match serde_json::from_str(last).unwrap() {
        UpdateEvent::Ended(report) => assert!(report.exit_class().is_none()),
        other @ (UpdateEvent::Record(_) | UpdateEvent::Progress { .. }) => {
            panic!("{other:?} came last")
        }
    }
}

#[tokio::test]
async fn a_viewer_that_comes_back_misses_nothing_and_sees_nothing_twice() {
    let scene = Scene::with_offer();
    let (_, started) = scene.start(&scene.plan("acme/notes").await).await;
    scene.end(&started).await;
    let path = started["events"].as_str().unwrap();
    let all = ids(&stream(&scene, path, 0).await);
    let middle = all[all.len() / 2];
    let rest = ids(&stream(&scene, path, middle).await);
    assert_eq!(rest, all.into_iter().filter(|id| *id > middle).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_stream_ends_when_the_process_stops_serving() {
    let scene = Scene::with_update().await;
    let started = scene.plan("acme/notes").await;
    let (_, started) = scene.start(&started).await;
    scene.shutdown.begin(Duration::from_secs(5));
    // Ends by itself; whatever of the update was told by then is a part of the whole.
    let text = stream(&scene, started["events"].as_str().unwrap(), 0).await;
    assert!(!text.contains("event: ended"), "{text}");
}

#[tokio::test]
async fn an_unknown_update_has_no_stream() {
    let scene = Scene::with_offer();
    let (status, problem) = scene.get("/api/v1/updates/1763692200-0123abcd-17/events").await;
    assert_eq!((status, problem["exit"].as_u64()), (StatusCode::NOT_FOUND, Some(1)));
}

#[tokio::test]
async fn streams_are_bounded_and_a_place_that_is_left_is_free() {
    let scene = Scene::with_offer();
    let (_, started) = scene.start(&scene.plan("acme/notes").await).await;
    scene.end(&started).await;
    let path = started["events"].as_str().unwrap();
    let open = async || {
        let router = alone(&scene.api, Caller { by: "cli:ada".to_owned() });
        router.oneshot(request(Method::GET, path, None)).await.unwrap()
    };
    let mut streams = Vec::new();
    for _ in 0..64 {
        streams.push(open().await);
    }
    assert_eq!(open().await.status(), StatusCode::SERVICE_UNAVAILABLE);
    streams.pop();
    assert_eq!(open().await.status(), StatusCode::OK);
}
