//! A hostile app meets the host: what it was not granted it does not get, what it overdoes ends,
//! and its neighbours do not notice.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod world;

use std::time::{Duration, Instant};

use bytes::Bytes;
use newleaf_domain::{ByteSize, Grant};
use newleaf_plugin_host::{Failure, LifecycleError, Limits};
use newleaf_sdk_testing::{TestApp, World};
use world::{HELLO, HOG, HOSTILE, app};

fn storage(mib: u64) -> Grant {
    Grant::Storage { quota: ByteSize::mib(mib) }
}

fn tight() -> Limits {
    Limits { cpu: Duration::from_millis(200), wall: Duration::from_secs(5), ..Limits::default() }
}

async fn hostile(with: impl FnOnce(TestApp) -> TestApp) -> World {
    with(app(&HOSTILE)).start().await.unwrap()
}

#[tokio::test]
async fn an_app_that_was_granted_nothing_gets_nothing() {
    let world = hostile(|app| app).await;
    for path in ["/store", "/get", "/sql?statement=SELECT+1", "/fill"] {
        let answer = world.get(path).await;
        assert_eq!((answer.status, answer.text().as_str()), (403, "refused: NotGranted"), "{path}");
    }
    for path in ["/files", "/socket", "/name"] {
        let answer = world.get(path).await;
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
    }
    assert_eq!(world.get("/environment").await.text(), "[]");
    let outbound = world.get("/outbound?host=example.com").await.text();
    assert!(outbound.contains("HttpRequestDenied"), "{outbound}");
    assert!(!world.data_dir().exists(), "an app without storage left a data folder");
}

#[tokio::test]
async fn attach_is_denied_through_the_whole_way() {
    let world = hostile(|app| app.grant(storage(1))).await;
    let answer = world.get("/").await;
    assert_eq!(answer.status, 403);
    assert!(
        answer.text().contains("Denied(\"ATTACH and VACUUM are not allowed\")"),
        "{}",
        answer.text()
    );
    for statement in
        ["VACUUM", "PRAGMA+page_size", "SELECT+load_extension('x')", "DELETE+FROM+newleaf_keys"]
    {
        let answer = world.get(&format!("/sql?statement={statement}")).await;
        assert!(answer.text().contains("Denied"), "{statement}: {}", answer.text());
    }
    assert_eq!(world.get("/sql?statement=SELECT+1").await.status, 200);
}

#[tokio::test]
async fn the_quota_bounds_sql_and_keys_together() {
    let world = hostile(|app| app.grant(storage(1))).await;
    let filled = world.get("/fill").await.text();
    assert_eq!(filled, "refused: QuotaExceeded");
    assert_eq!(world.get("/store").await.text(), "refused: QuotaExceeded");
    let file = std::fs::metadata(world.data_dir().join("app.db")).unwrap();
    assert!(file.len() <= ByteSize::mib(1).as_u64(), "the file has {}", file.len());
}

#[tokio::test]
async fn a_transaction_left_open_is_rolled_back() {
    let world = hostile(|app| app.grant(storage(1))).await;
    assert_eq!(world.get("/open").await.status, 200);
    world.slot().app().quiesce().await;
    let answer = world.get("/rows?statement=SELECT+1+FROM+left_open").await.text();
    assert!(answer.contains("no such table"), "{answer}");
    assert_eq!(world.get("/store").await.status, 200, "the database is still locked");
}

#[tokio::test]
async fn an_endless_loop_ends_and_its_neighbour_goes_on() {
    let world = hostile(|app| app.limits(tight())).await;
    let neighbour = app(&HELLO).start().await.unwrap();
    let began = Instant::now();
    let slot = world.slot().clone();
    let looping = tokio::spawn(async move {
        let request =
            http::Request::get("/loop").body(http_body_util::Empty::<Bytes>::new()).unwrap();
        newleaf_sdk_testing::Answer::read(slot.handle(request).await).await
    });
    assert_eq!(neighbour.get("/").await.status, 200);
    let answer = looping.await.unwrap();
    assert_eq!((answer.status, answer.failure), (500, Some(Failure::CpuTime)));
    assert!(began.elapsed() < Duration::from_secs(4), "it ran for {:?}", began.elapsed());
    world.slot().app().quiesce().await;
    let stats = world.stats();
    assert_eq!((stats.traps, stats.server_errors, stats.in_flight), (1, 1, 0));
}

#[tokio::test]
async fn an_app_that_sleeps_beyond_the_wall_clock_is_ended() {
    let limits = Limits { wall: Duration::from_millis(200), ..Limits::default() };
    let world = hostile(|app| app.limits(limits)).await;
    let answer = world.get("/sleep").await;
    assert_eq!((answer.status, answer.failure), (504, Some(Failure::WallClock)));
    world.slot().app().quiesce().await;
}

#[tokio::test]
async fn a_long_reader_cannot_make_the_log_outgrow_the_quota() {
    let world = hostile(|app| app.grant(storage(1))).await;
    assert_eq!(world.get("/sql?statement=CREATE+TABLE+t(x)").await.status, 200);
    let reader = rusqlite::Connection::open(world.data_dir().join("app.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM t").unwrap();
    let mut refused = None;
    for _ in 0..200 {
        let change = "/sql?statement=REPLACE+INTO+t(rowid,x)+VALUES(1,randomblob(400000))";
        let answer = world.get(change).await.text();
        if answer.starts_with("refused") {
            refused = Some(answer);
            break;
        }
    }
    assert_eq!(refused.as_deref(), Some("refused: QuotaExceeded"));
    let log = std::fs::metadata(world.data_dir().join("app.db-wal")).unwrap().len();
    assert!(log < ByteSize::mib(10).as_u64(), "the log has {log}");
    drop(reader);
    assert_eq!(world.get("/sql?statement=DELETE+FROM+t").await.status, 200);
}

#[tokio::test]
async fn an_endless_statement_ends_with_the_requests_processor_time() {
    let world = hostile(|app| app.grant(storage(1)).limits(tight())).await;
    let endless = "/rows?statement=WITH+RECURSIVE+n(i)+AS+(SELECT+1+UNION+ALL+SELECT+i+FROM+n)+SELECT+count(*)+FROM+n";
    let answer = world.get(endless).await;
    assert!(
        answer.text() == "refused: Interrupted" || answer.failure == Some(Failure::CpuTime),
        "{} {}",
        answer.status,
        answer.text()
    );
}

#[tokio::test]
async fn memory_beyond_the_limit_is_a_trap() {
    let limits = Limits { memory: ByteSize::mib(16), ..Limits::default() };
    let world = hostile(|app| app.limits(limits)).await;
    let answer = world.get("/memory").await;
    assert_eq!((answer.status, answer.failure), (500, Some(Failure::Trap)));
    assert_eq!(world.get("/length").await.text(), "0", "the app answers no more");
}

#[tokio::test]
async fn what_a_call_hands_to_the_host_is_memory_of_the_app() {
    let world = app(&HOG).start().await.unwrap();
    let answer = world.get("/argument").await;
    assert_eq!((answer.status, answer.text().as_str()), (403, "refused: NotGranted"));
    let limits = Limits { memory_together: ByteSize::mib(20), ..Limits::default() };
    let world = app(&HOG).limits(limits).start().await.unwrap();
    let answer = world.get("/argument").await;
    assert_eq!((answer.status, answer.failure), (500, Some(Failure::Trap)));
    world.slot().app().quiesce().await;
    assert_eq!(world.get("/").await.status, 200, "what was counted is not given back");
}

#[tokio::test]
async fn a_request_that_never_leaves_keeps_no_more_than_a_head() {
    let world = app(&HOG).start().await.unwrap();
    let answer = world.get("/heads").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "0 of 100 were taken"));
}

#[tokio::test]
async fn a_panic_is_a_trap_and_only_of_its_request() {
    let world = hostile(|app| app).await;
    let app = world.slot().app();
    let failed = tokio::spawn(async move { app.failed(1).await });
    assert_eq!(world.get("/panic").await.failure, Some(Failure::Trap));
    let seen = failed.await.unwrap();
    assert_eq!((seen.traps, seen.server_errors), (1, 1), "probation was not told");
    assert_eq!(world.get("/length").await.status, 200);
    world.slot().app().quiesce().await;
    assert_eq!(world.stats().traps, 1);
}

#[tokio::test]
async fn a_request_body_beyond_the_limit_is_the_clients_fault() {
    let limits = Limits { request_body: ByteSize::kib(64), ..Limits::default() };
    let world = hostile(|app| app.limits(limits)).await;
    let large = Bytes::from(vec![b'x'; 100 * 1024]);
    let announced = world.send("POST", "/length", &[], large.clone()).await;
    assert_eq!((announced.status, announced.failure), (413, Some(Failure::BodyTooLarge)));
    let chunks = futures_body(large);
    let request = http::Request::post("/length").header("host", "localhost").body(chunks).unwrap();
    let unannounced = world.slot().handle(request).await;
    assert_eq!(unannounced.status(), 413);
    drop(unannounced);
    world.slot().app().quiesce().await;
    assert_eq!((world.stats().traps, world.stats().server_errors), (0, 0));
}

/// A body that does not say how long it is.
fn futures_body(bytes: Bytes) -> http_body_util::combinators::UnsyncBoxBody<Bytes, std::io::Error> {
    use http_body_util::BodyExt as _;
    let unknown = http_body_util::BodyStream::new(http_body_util::Full::new(bytes));
    http_body_util::StreamBody::new(unknown).map_err(|never| match never {}).boxed_unsync()
}

#[tokio::test]
async fn a_response_beyond_the_limit_is_broken_off() {
    let limits = Limits { response_body: ByteSize::mib(1), ..Limits::default() };
    let world = hostile(|app| app.limits(limits)).await;
    let answer = world.get("/large").await;
    assert!(
        answer.broken_off.is_some() && answer.body.len() <= 1024 * 1024,
        "{}",
        answer.body.len()
    );
}

#[tokio::test]
async fn a_client_that_leaves_is_no_failure() {
    let world = hostile(|app| app).await;
    let request = || {
        let request = http::Request::get("/large").header("host", "localhost");
        request.body(http_body_util::Empty::<Bytes>::new()).unwrap()
    };
    drop(world.slot().handle(request()).await);
    world.slot().app().quiesce().await;
    let stats = world.stats();
    assert_eq!((stats.traps, stats.server_errors, stats.clients_gone), (0, 0, 1));
    assert_eq!(world.send("HEAD", "/large", &[], Bytes::new()).await.status, 200);
    world.slot().app().quiesce().await;
    assert_eq!(world.stats().traps, 0);
}

#[tokio::test]
async fn an_answer_that_never_comes_is_a_failure_though_the_client_has_left() {
    let limits = Limits { wall: Duration::from_millis(300), ..Limits::default() };
    let world = hostile(|app| app.limits(limits)).await;
    let slot = world.slot().clone();
    let waiting = tokio::spawn(async move {
        let request =
            http::Request::get("/sleep").body(http_body_util::Empty::<Bytes>::new()).unwrap();
        slot.handle(request).await.status()
    });
    while world.stats().in_flight == 0 {
        tokio::task::yield_now().await;
    }
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    let app = world.slot().app();
    assert_eq!(app.without_answer(Duration::ZERO), 1, "the app still works on it");
    app.quiesce().await;
    let stats = world.stats();
    assert_eq!((stats.traps, stats.server_errors, stats.clients_gone), (1, 0, 1));
    assert_eq!((app.without_answer(Duration::ZERO), stats.answered), (0, 0));
}

#[tokio::test]
async fn an_app_neither_sees_nor_sets_the_portals_cookies() {
    let world = hostile(|app| app).await;
    let sent = [("cookie", "__Host-newleaf=secret; newleaf=secret; mine=1")];
    let answer = world.send("GET", "/cookies", &sent, Bytes::new()).await;
    assert_eq!(answer.text(), "mine=1");
    let set: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert_eq!(set, ["mine=1; Path=/apps/acme/app/"]);
    assert!(!answer.headers.contains_key("clear-site-data"));
}

#[tokio::test]
async fn lifecycle_failures_are_told_apart() {
    let limits = Limits { lifecycle: Duration::from_millis(300), ..Limits::default() };
    let world = hostile(|app| app.limits(limits)).await;
    let app = world.slot().app();
    let refused = app.migrate(0, 1).await.unwrap_err();
    assert_eq!(refused.to_string(), "the app answered `migrate` with: I will not go to 1");
    let trapped = app.migrate(0, 98).await.unwrap_err();
    assert!(
        matches!(&trapped, LifecycleError::Trapped { reason, .. } if reason.contains("on purpose")),
        "{trapped}"
    );
    let endless = app.migrate(0, 99).await.unwrap_err();
    assert!(matches!(endless, LifecycleError::TimedOut { .. }), "{endless}");
    app.health().await.unwrap();
}

#[tokio::test]
async fn requests_beyond_the_concurrency_wait_and_then_are_refused() {
    let limits = Limits {
        concurrency: 1,
        queue: Duration::from_millis(100),
        cpu: Duration::from_secs(1),
        ..Limits::default()
    };
    let world = hostile(|app| app.limits(limits)).await;
    let slot = world.slot().clone();
    let request =
        |path: &str| http::Request::get(path).body(http_body_util::Empty::<Bytes>::new()).unwrap();
    let first = request("/loop");
    let looping = tokio::spawn(async move { slot.handle(first).await.status() });
    while world.stats().in_flight == 0 {
        tokio::task::yield_now().await;
    }
    let second = world.get("/length").await;
    assert_eq!((second.status, second.failure), (503, Some(Failure::Busy)));
    assert_eq!(second.header("retry-after"), "2");
    assert_eq!(looping.await.unwrap(), 500);
    assert_eq!(world.get("/length").await.status, 200);
}

#[tokio::test]
async fn a_full_house_is_no_error_of_the_app_and_counted_apart() {
    let limits = Limits { concurrency: 1, queue: Duration::ZERO, ..Limits::default() };
    let world = hostile(|app| app.limits(limits)).await;
    let request =
        || http::Request::get("/large").body(http_body_util::Empty::<Bytes>::new()).unwrap();
    // Unread, so that its place stays taken.
    let first = world.slot().handle(request()).await;
    for _ in 0..5 {
        let second = world.get("/length").await;
        assert_eq!((second.status, second.failure), (503, Some(Failure::Busy)));
    }
    drop(first);
    world.slot().app().quiesce().await;
    let stats = world.stats();
    assert_eq!((stats.traps, stats.server_errors), (0, 0), "the host's answers were counted");
    let lately = world.slot().app().lately();
    assert_eq!((stats.refused, lately.refused(), lately.asked()), (5, 5, 6));
}
