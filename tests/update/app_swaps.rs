//! Swaps upon swaps under full load: a version is exchanged while requests come at their own pace,
//! and none fails. The plugin host's own slot behind a plain HTTP server; what an update does around
//! a swap is tested with real hosts.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use newleaf_domain::{ByteSize, Grant, Reuse};
use newleaf_plugin_host::Slot;
use newleaf_sdk_testing::{TestApp, World, build};
use newleaf_tests::build::source_root;
use newleaf_tests::load::{self, Load, Over, Shot};
use newleaf_tests::skip::Tier;
use tokio::net::TcpListener;

/// Where the notes are.
const NOTES: &str = "/apps/acme/app/api/notes";

/// Requests that must have been answered between two swaps.
const BETWEEN: u64 = 3;

fn swaps() -> u32 {
    if Tier::current() == Tier::All { 1_000 } else { 60 }
}

/// Answers requests on a port of its own by `slot`.
async fn serve(slot: Arc<Slot>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            let slot = Arc::clone(&slot);
            let service = service_fn(move |request: Request<Incoming>| {
                let slot = Arc::clone(&slot);
                async move { Ok::<_, Infallible>(slot.handle(request).await) }
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // A connection that breaks is a request that failed, and the client counts it.
            tokio::spawn(async move { drop(connection.await) });
        }
    });
    address
}

/// Reads and writes, half and half.
fn shots() -> Vec<Shot> {
    let note = Bytes::from_static(br#"{"title":"swap","body":"a note","tags":"load"}"#);
    let shot = |name, method, path: &str, body, expect| Shot {
        name,
        method,
        path: path.to_owned(),
        body,
        expect,
        over: Over::Http1,
    };
    vec![
        shot("read", Method::GET, &format!("{NOTES}/1"), None, StatusCode::OK),
        shot("write", Method::POST, NOTES, Some(("application/json", note)), StatusCode::CREATED),
    ]
}

/// Exchanges the app for the same one, loaded anew: every second time as an update does, held and
/// drained; else while requests run on both.
async fn swap(world: &World, app: &TestApp, number: u32) {
    let slot = world.slot();
    let next = world.load(app).await.unwrap();
    if number.is_multiple_of(2) {
        slot.hold(100_000);
        slot.drained().await;
        slot.swap(next);
        slot.release();
    } else {
        slot.swap(next);
    }
}

/// How many notes lie in the world's database.
fn notes(world: &World) -> u64 {
    let database = rusqlite::Connection::open(world.data_dir().join("app.db")).unwrap();
    let count: i64 = database.query_row("SELECT count(*) FROM note", [], |row| row.get(0)).unwrap();
    u64::try_from(count).unwrap()
}

async fn swapped_under_load(reuse: Reuse) {
    let wasm = build(&source_root().join("plugins/notes")).unwrap();
    let cache = tempfile::tempdir().unwrap();
    let quota = Grant::Storage { quota: ByteSize::mib(256) };
    let app = TestApp::new(&wasm).grant(quota).cache(cache.path()).reuse(reuse);
    let world = app.clone().start().await.unwrap();
    let first = r#"{"title":"first","body":"","tags":""}"#;
    assert_eq!(world.post_json("/api/notes", first).await.status, 201);
    let before = notes(&world);
    let address = serve(Arc::clone(world.slot())).await;
    let rate = load::rate(500);
    let load = Load::start(address, rate, shots());
    load.reaches(u64::from(rate) / 2).await;
    let began = Instant::now();
    for number in 0..swaps() {
        let enough = load.good() + BETWEEN;
        swap(&world, &app, number).await;
        let reached = tokio::time::timeout(Duration::from_mins(1), load.reaches(enough)).await;
        assert!(reached.is_ok(), "nothing answers after swap {number}: {}", load.so_far());
    }
    let lasted = began.elapsed().as_secs_f64();
    let tally = load.stop().await;
    println!("{} swaps in {lasted:.1} s, {} requests an instance: {tally}", swaps(), reuse.most());
    assert_eq!(tally.failures(), 0, "{tally}");
    world.slot().drained().await;
    let after = notes(&world);
    assert_eq!(after - before, tally.ok["write"], "what was acknowledged, and what is there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_is_swapped_again_and_again_under_full_load_and_no_request_fails() {
    swapped_under_load(Reuse::NEVER).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_with_instances_that_are_used_again() {
    swapped_under_load(Reuse::requests(Reuse::MOST)).await;
}
