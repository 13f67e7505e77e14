//! The event stream of an update's page.

use axum::body::Body;
use http_body_util::BodyExt as _;
use newleaf_update::port::fake::{Host, LauncherWay, World};
use newleaf_update::view::Report;
use newleaf_update::{Approval, Consent};

use crate::browser::Browser;
use crate::story::{notes, world};

/// How long a stream may stay silent before a test gives up; below its keep-alive of 15 s.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// One server-sent event.
#[derive(Debug, Default, PartialEq, Eq)]
struct Event {
    name: String,
    id: Option<u64>,
    data: String,
}

fn event(block: &str) -> Event {
    let mut event = Event::default();
    for line in block.lines() {
        match line.split_once(": ") {
            Some(("event", name)) => name.clone_into(&mut event.name),
            Some(("id", id)) => event.id = Some(id.parse().unwrap()),
            Some(("data", data)) => event.data.push_str(data),
            _ => {}
        }
    }
    event
}

/// Every event until the stream ends by itself.
async fn all(body: Body) -> Vec<Event> {
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    text.split("\n\n").filter(|block| !block.is_empty()).map(event).collect()
}

/// Events until one says `what`; the stream goes on.
async fn until(body: &mut Body, what: &str) -> String {
    let mut text = String::new();
    while !text.contains(what) {
        let frame = tokio::time::timeout(PATIENCE, body.frame()).await;
        let frame = frame.unwrap_or_else(|_| panic!("no {what:?} in {text}"));
        let frame = frame.expect("the stream ended").unwrap();
        text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
    text
}

async fn updated() -> (World, Host, Report) {
    let (world, host) = world().await;
    let plan = host.updater.plan(&notes(), None).await.unwrap().plan.id;
    let approval = Approval::new(plan, Consent::Given, "ada".to_owned());
    let id = host.updater.start(approval).await.unwrap();
    let report = host.updater.finished(&id).await.unwrap().unwrap();
    (world, host, report)
}

#[tokio::test]
async fn the_stream_ends_with_the_page_of_the_result() {
    let (world, host, report) = updated().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    let body = browser.stream(&format!("/updates/{}/events", report.id), None).await;
    let events = all(body).await;
    assert_eq!(events.first().unwrap().name, "build");
    let last = events.last().unwrap();
    assert_eq!((last.name.as_str(), last.id), ("over", Some(report.seq)));
    let page = browser.get(&format!("/updates/{}", report.id)).await;
    assert!(page.says(&last.data), "the stream says something else than the page");
}

#[tokio::test]
async fn a_page_that_comes_back_is_told_only_what_it_missed() {
    let (world, host, report) = updated().await;
    let browser = Browser::signed_in(&world, &host).await;
    let path = format!("/updates/{}/events?after=1", report.id);
    let events = all(browser.stream(&path, Some(report.seq)).await).await;
    let names: Vec<_> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, ["build", "over"]);
}

#[tokio::test]
async fn a_running_update_is_shown_at_once_with_the_number_to_resume_from() {
    let (world, host) = world().await;
    host.launcher.set_way(LauncherWay::Waits);
    let browser = Browser::signed_in(&world, &host).await;
    let plan = host.updater.plan(&newleaf_domain::Target::Core, None).await.unwrap().plan.id;
    let approval = Approval::new(plan, Consent::NotGiven, "ada".to_owned());
    let id = host.updater.start(approval).await.unwrap();
    let mut body = browser.stream(&format!("/updates/{id}/events"), None).await;
    let text = until(&mut body, r#"id="step-stage" class="step over""#).await;
    assert!(text.contains("retry: 1000"), "{text}");
    assert!(text.contains("\nid: "), "{text}");
    assert!(text.contains("nothing has changed yet"), "{text}");
}

#[tokio::test]
async fn a_stream_of_nothing_is_not_found() {
    let (world, host) = world().await;
    let mut browser = Browser::signed_in(&world, &host).await;
    let page = browser.get("/updates/1-2-3/events").await;
    assert_eq!(page.status, axum::http::StatusCode::NOT_FOUND);
}
