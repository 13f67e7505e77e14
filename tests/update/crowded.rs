//! Promise 4 at its hardest: six good and three failed updates of core one after another, clients
//! a 40 ms round trip away, over HTTP/1.1 and HTTP/2, with uploads and open event streams.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::{Method, StatusCode};
use newleaf_tests::delay::{Road, Seen};
use newleaf_tests::events::{Listeners, Streams};
use newleaf_tests::load::{self, Load, Over, Shot, Tally};
use newleaf_tests::skip::{Tier, system_tier};
use newleaf_tests::world::{CoreRelease, Host, HostSettings, World};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const ROUND_TRIP: Duration = Duration::from_millis(40);

/// Open event streams.
const LISTENERS: u64 = 100;

/// Of each hundred requests: one upload, one write, the rest reads, half of them over HTTP/2.
fn shots() -> Vec<Shot> {
    let read = |over, name| Shot {
        name,
        method: Method::GET,
        path: "/".into(),
        body: None,
        expect: StatusCode::OK,
        over,
    };
    let mut shots: Vec<_> = (0..49)
        .flat_map(|_| [read(Over::Http1, "read over 1.1"), read(Over::Http2, "read over 2")])
        .collect();
    let post = |name, path: &str, kind, body, expect| Shot {
        name,
        method: Method::POST,
        path: path.into(),
        body: Some((kind, body)),
        expect,
        over: Over::Http1,
    };
    let upload = Bytes::from(vec![b'x'; 200_000]);
    let path = "/apps/acme/attach/length";
    let notice = Bytes::from_static(br#"{"text":"from the load"}"#);
    shots.insert(25, post("200 kB up", path, "text/plain", upload, StatusCode::OK));
    shots.push(post("write", "/board", "application/json", notice, StatusCode::CREATED));
    shots
}

/// The host, and what went on before it.
struct Crowded {
    world: World,
    host: Host,
    rate: u32,
}

impl Crowded {
    async fn start() -> Self {
        // 2,000 a second is for a machine that has nothing else to do.
        let rate = load::rate(if Tier::current() == Tier::All { 2000 } else { 500 });
        let (world, host) = tokio::task::spawn_blocking(|| {
            // A core that hangs takes two such waits; a client on a busy machine may be late.
            let settings =
                HostSettings { ready_within: 12.0, linger: 4.0, ..HostSettings::default() };
            let (world, host) = World::with_host(settings);
            world.registry.publish_app("tests/apps/attach");
            host.run(&["apps", "install", "acme/attach", "--yes"]).assert_code(0);
            for core in
                [CoreRelease::Newer, CoreRelease::Exits, CoreRelease::Hangs, CoreRelease::Unhealthy]
            {
                world.registry.publish_core(core);
            }
            host.run(&["check"]).assert_code(0);
            (world, host)
        })
        .await
        .unwrap();
        Self { world, host, rate }
    }

    /// Runs `work` under load and says what came of the requests and streams.
    async fn load(self, work: impl FnOnce(&Host) + Send + 'static) -> (Self, Tally, Streams) {
        let Self { world, host, rate } = self;
        let road = Road::to(host.public, ROUND_TRIP).await;
        let listeners = Listeners::open(road.address, "/board/events", LISTENERS).await;
        let load = Load::start(road.address, rate, shots());
        load.reaches(u64::from(rate) * 2).await;
        let host = tokio::task::spawn_blocking(move || {
            work(&host);
            host
        })
        .await
        .unwrap();
        // The last worker drains after its update is reported.
        let enough = load.good() + u64::from(rate) * 4;
        let reached = tokio::time::timeout(Duration::from_mins(2), load.reaches(enough)).await;
        let tally = load.stop().await;
        assert!(reached.is_ok(), "nothing answers any more: {tally}\n{}", host.process.log());
        (Self { world, host, rate }, tally, listeners.stop().await)
    }
}

/// Forth and back three times, each time followed by a core that fails.
fn six_good_and_three_failed(host: &Host) {
    let broken = [CoreRelease::Exits, CoreRelease::Hangs, CoreRelease::Unhealthy];
    for broken in broken {
        host.run(&["update", "core", "--version", "1.1.0", "--yes"]).assert_code(0);
        assert_eq!(host.core_version(), "1.1.0");
        host.run(&["rollback", "core", "--yes"]).assert_code(0);
        assert_eq!(host.core_version(), "1.0.0");
        host.run(&["update", "core", "--version", broken.version(), "--yes"]).assert_code(5);
        assert_eq!(host.core_version(), "1.0.0");
    }
}

/// From ready to serving, of each worker that got so far: what a handover takes beyond a worker's
/// start. By the times in the host's log.
fn handovers(log: &str) -> Vec<f64> {
    let mut ready = None;
    let mut took = Vec::new();
    for line in log.lines().filter(|line| line.contains("newleaf::worker::bootstrap: ")) {
        if line.contains(": ready ") {
            ready = seconds(line);
        } else if line.contains(": serving ")
            && let (Some(from), Some(to)) = (ready.take(), seconds(line))
        {
            took.push((to - from).rem_euclid(86_400.0) * 1000.0);
        }
    }
    took
}

/// Seconds of the day, of a line that begins with `2026-11-21T02:30:00.123456Z`.
fn seconds(line: &str) -> Option<f64> {
    let time = line.split_once('T')?.1.split_once('Z')?.0;
    let mut parts = time.split(':').map(|part| part.parse::<f64>().ok());
    Some(parts.next()?? * 3600.0 + parts.next()?? * 60.0 + parts.next()??)
}

/// A client that has had its answer, and hears of the server's end when the others do.
struct Witness(TcpStream);

impl Witness {
    async fn of(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        // Taken by the worker, not left for the next one.
        assert_ne!(stream.read(&mut [0; 64]).await.unwrap(), 0);
        Self(stream)
    }

    /// Waits until the news is here.
    async fn until_end(&mut self) {
        let mut space = vec![0; 64 * 1024];
        // An end or a reset.
        while self.0.read(&mut space).await.is_ok_and(|read| read > 0) {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_good_and_three_failed_updates_of_core_fail_no_request() {
    if !system_tier("six good and three failed updates of core") {
        return;
    }
    let crowded = Crowded::start().await;
    let (crowded, without, _) = crowded.load(|host| drop(host.run(&["status"]))).await;
    println!("without updates: {without}");
    let (crowded, with, streams) = crowded.load(six_good_and_three_failed).await;
    let log = crowded.host.process.log();
    let took = handovers(&log);
    println!("with six good and three failed updates: {with}");
    println!("event streams: {streams:?}");
    println!("handovers beyond the worker's start, ms: {took:.1?}");
    assert_eq!(without.failures(), 0, "{without}");
    assert_eq!(with.failures(), 0, "{with}\n{log}");
    assert!(streams.broken.is_empty(), "{streams:?}");
    // Each listener is told at each of the six handovers; one that was between two streams is not.
    assert!(streams.told >= LISTENERS * 3, "{streams:?}");
    assert_eq!(took.len(), 7, "one start and six handovers:\n{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_worker_fails_no_more_than_what_was_under_way() {
    if !system_tier("a worker killed under load") {
        return;
    }
    let crowded = Crowded::start().await;
    let road = Road::to(crowded.host.public, ROUND_TRIP).await;
    // Fewer, for all that come meanwhile wait in the listener's queue.
    let rate = crowded.rate / 2;
    let load = Load::start(road.address, rate, shots());
    load.reaches(u64::from(rate) * 2).await;
    let mut witness = Witness::of(road.address).await;
    let killed = load.so_far();
    crowded.host.kill_worker();
    witness.until_end().await;
    let known = load.so_far();
    // Waits in the queue until the next worker is there.
    let (host, next) = tokio::task::spawn_blocking(move || {
        let answer = crowded.host.get("/");
        (crowded.host, (answer.status, Instant::now()))
    })
    .await
    .unwrap();
    load.reaches(load.good() + u64::from(rate) * 2).await;
    let tally = load.stop().await;
    let Seen { refused, ends } = road.seen();
    // What the dead worker had taken failed, with what was sent there before the news of its end was
    // back; what came later waited, and none of it failed.
    let in_flight = killed.under_way() + known.sent - killed.sent;
    println!(
        "worker killed with {} under way, {in_flight} until the news of it was back, {ends} \
         connections: {tally}",
        killed.under_way()
    );
    assert_eq!((refused, next.0), (0, 200), "{tally}\n{}", host.process.log());
    assert!(tally.failures() <= in_flight, "{tally}");
    assert!(tally.last_failed <= Some(next.1), "{tally}");
    assert!(tally.failed.get("connection closed").is_none_or(|cut| *cut <= ends), "{tally}");
}
