//! What hosts read: never a statement of SQL, cacheable, in ranges, and still there when the
//! database is not. A program of its own, because it listens to every statement in the process.
#![expect(clippy::unwrap_used, reason = "a fault in a helper fails the test")]

#[expect(dead_code, reason = "written for the tests of the whole registry")]
mod support;

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use http::{Request, StatusCode};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry;

use support::author::Author;
use support::host::refresh;
use support::world::{START, World};

static STATEMENTS: AtomicUsize = AtomicUsize::new(0);

/// Counts the statements that sqlx reports.
struct Statements;

impl<S: Subscriber> Layer<S> for Statements {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            STATEMENTS.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[tokio::test]
async fn reads_cost_no_sql_and_need_no_database() {
    tracing::subscriber::set_global_default(registry().with(Statements)).unwrap();
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let notes = ada.release("notes", "1.0.0", START);
    world.publish_first(&ada, &[&notes]).await;
    assert!(STATEMENTS.load(Ordering::SeqCst) > 0, "statements are not counted");
    let seen = refresh(&world.public(), &world.root(), world.now()).unwrap();
    let file = seen.targets.file(&notes.package).unwrap();
    let package = format!("/targets/{}", file.stored_path());
    let paths =
        ["/tuf/timestamp.json", "/tuf/1.root.json", "/tuf/1.pub.acme.json", &package, "/healthz"];

    world.registry.close().await;
    let before = STATEMENTS.load(Ordering::SeqCst);
    for path in paths {
        assert_eq!(world.get(path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(world.get("/tuf/9.root.json").await.status, StatusCode::NOT_FOUND);
    assert_eq!(STATEMENTS.load(Ordering::SeqCst), before);
    assert_eq!(world.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);

    caches_are_told_what_they_may_keep(&world, &package).await;
    a_range_is_a_part_of_the_whole(&world, &package, &notes.files[&notes.package]).await;
}

async fn caches_are_told_what_they_may_keep(world: &World, package: &str) {
    let polled = world.get("/tuf/timestamp.json").await;
    assert_eq!(polled.header("cache-control"), "public, max-age=60");
    for path in ["/tuf/1.root.json", package] {
        let answer = world.get(path).await;
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
        let again = Request::get(path).header("if-none-match", answer.header("etag"));
        let again = world.send(again.body(Body::empty()).unwrap()).await;
        assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0), "{path}");
    }
}

async fn a_range_is_a_part_of_the_whole(world: &World, path: &str, whole: &[u8]) {
    let part = Request::get(path).header("range", "bytes=10-19");
    let part = world.send(part.body(Body::empty()).unwrap()).await;
    assert_eq!((part.status, &*part.body), (StatusCode::PARTIAL_CONTENT, &whole[10..20]));
    assert_eq!(part.header("content-range"), format!("bytes 10-19/{}", whole.len()));
    let beyond = Request::get(path).header("range", format!("bytes={}-", whole.len()));
    let beyond = world.send(beyond.body(Body::empty()).unwrap()).await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
    let head = Request::head(path).body(Body::empty()).unwrap();
    let head = world.send(head).await;
    assert_eq!(head.header("content-length"), whole.len().to_string());
}
