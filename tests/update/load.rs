//! Promise 4: no request fails while core or an app is updated.

use bytes::Bytes;
use hyper::{Method, StatusCode};
use newleaf_tests::load::{self, Load, Over, Shot, Tally};
use newleaf_tests::world::{CoreRelease, Host, HostSettings, START, World};

/// Requests a second, over keep-alive HTTP/1.1; half of them to an app, half to core, half writes.
fn rate() -> u32 {
    load::rate(500)
}

/// Reads and writes, of the app's database and of core's.
fn shots() -> Vec<Shot> {
    let json = |text: &'static str| Some(("application/json", Bytes::from_static(text.as_bytes())));
    vec![
        Shot {
            name: "read core",
            method: Method::GET,
            path: "/board.json".into(),
            body: None,
            expect: StatusCode::OK,
            over: Over::Http1,
        },
        Shot {
            name: "read app",
            method: Method::GET,
            path: "/apps/acme/notes/api/notes/1".into(),
            body: None,
            expect: StatusCode::OK,
            over: Over::Http1,
        },
        Shot {
            name: "write core",
            method: Method::POST,
            path: "/board".into(),
            body: json(r#"{"text":"from the load"}"#),
            expect: StatusCode::CREATED,
            over: Over::Http1,
        },
        Shot {
            name: "write app",
            method: Method::POST,
            path: "/apps/acme/notes/api/notes".into(),
            body: json(r#"{"title":"load","body":"a note","tags":"load"}"#),
            expect: StatusCode::CREATED,
            over: Over::Http1,
        },
    ]
}

/// Runs `update` while the load goes on, from well before to well after it.
async fn under_load(host: Host, update: impl FnOnce(&Host) + Send + 'static) -> (Host, Tally) {
    let load = Load::start(host.public, rate(), shots());
    let host = tokio::task::spawn_blocking(move || {
        update(&host);
        host
    })
    .await
    .unwrap();
    // The old worker drains after the update is reported; the load goes on until it is gone.
    let enough = load.good() + u64::from(rate()) * 3;
    let reached =
        tokio::time::timeout(std::time::Duration::from_mins(1), load.reaches(enough)).await;
    assert!(
        reached.is_ok(),
        "nothing answers any more: {}\n{}",
        load.stop().await,
        host.process.log()
    );
    (host, load.stop().await)
}

async fn running_world() -> (World, Host) {
    tokio::task::spawn_blocking(|| {
        // Long enough for the watch to see a version go bad: it asks every five seconds.
        let settings = HostSettings { core_probation: 16.0, ..HostSettings::default() };
        let (world, host) = World::with_host(settings);
        host.add_note("first", "one, two");
        world.registry.publish_app("plugins/notes");
        (world, host)
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_an_app_and_core_are_updated_and_one_core_is_rolled_back() {
    let (world, host) = running_world().await;

    let (host, tally) = under_load(host, |host| {
        host.run(&["update", "acme/notes", "--version", "2.0.0", "--yes", "--accept-permissions"])
            .assert_code(0);
    })
    .await;
    println!("app 1.0.0 -> 2.0.0: {tally}");
    assert_eq!(tally.failures(), 0, "{tally}\n{}", host.process.log());
    assert_eq!(host.app_version("acme/notes"), "2.0.0");
    let acknowledged = tally.ok["write app"];
    let host =
        tokio::task::spawn_blocking(move || every_note_is_there(host, acknowledged)).await.unwrap();

    let world = publish(world, CoreRelease::Newer).await;
    let (host, tally) = under_load(host, |host| {
        host.run(&["update", "core", "--yes"]).assert_code(0);
    })
    .await;
    println!("core 1.0.0 -> 1.1.0: {tally}");
    assert_eq!(tally.failures(), 0, "{tally}\n{}", host.process.log());
    assert_eq!(host.core_version(), "1.1.0");

    let world = publish(world, CoreRelease::Unhealthy).await;
    let (host, tally) = under_load(host, |host| {
        host.run(&["update", "core", "--yes"]).assert_code(5);
    })
    .await;
    println!("core 1.1.0 -> 1.2.2 and back: {tally}");
    assert_eq!(tally.failures(), 0, "{tally}\n{}", host.process.log());
    assert_eq!(host.core_version(), "1.1.0");

    let world = publish(world, CoreRelease::Sours).await;
    let (host, tally) = under_load(host, |host| {
        host.run(&["update", "core", "--yes"]).assert_code(5);
    })
    .await;
    println!("core 1.1.0 -> 1.2.3, which serves and goes bad, and back: {tally}");
    assert_eq!(tally.failures(), 0, "{tally}\n{}", host.process.log());
    assert_eq!(host.core_version(), "1.1.0");
    drop((host, world));
}

/// The launcher of 1.3.0 speaks a later protocol: once 1.3.0 is good it takes the place of the one
/// at the prefix, and once more at the next start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_one_launcher_hands_over_to_the_next() {
    let (world, host) = running_world().await;
    let world = publish(world, CoreRelease::Successor).await;
    let launcher = host.process.pid();
    let (host, tally) = under_load(host, move |host| {
        assert!(!runs_in_a_slot(host));
        host.run(&["update", "core", "--yes"]).assert_code(0);
        let workers = host.workers();
        host.process.wait_for_line("launcher started product=\"Newleaf\" version=\"1.3.0\"", START);
        // Forgotten once the worker that was handed over has answered.
        while host.state()["core"]["launcher_tries"].is_number() {
            std::thread::yield_now();
        }
        assert!(runs_in_a_slot(host));
        assert!(host.workers().iter().all(|worker| workers.contains(worker)), "{workers:?}");
    })
    .await;
    println!("core 1.0.0 -> 1.3.0, whose launcher takes over: {tally}");
    assert_eq!(tally.failures(), 0, "{tally}\n{}", host.process.log());
    assert_eq!((host.process.pid(), host.core_version()), (launcher, "1.3.0".to_owned()));
    let host = tokio::task::spawn_blocking(move || host.power_cycle()).await.unwrap();
    assert_eq!(host.core_version(), "1.3.0");
    assert!(runs_in_a_slot(&host), "a cold start hands over too");
    drop((host, world));
}

/// Whether the launcher runs the program of a slot, and not the one at the prefix.
fn runs_in_a_slot(host: &Host) -> bool {
    let pid = host.process.pid().as_raw_nonzero();
    let program = std::fs::read_link(format!("/proc/{pid}/exe")).unwrap();
    program.starts_with(host.dir.join("slots/core"))
}

/// Notes are numbered without a gap and none is deleted: those of the load follow the first one.
fn every_note_is_there(host: Host, acknowledged: u64) -> Host {
    for id in 1..=acknowledged + 1 {
        let note = host.get(&format!("/apps/acme/notes/api/notes/{id}"));
        assert_eq!(note.status, 200, "of {acknowledged} acknowledged notes, {id} is missing");
    }
    let beyond = host.get(&format!("/apps/acme/notes/api/notes/{}", acknowledged + 2));
    assert_eq!(beyond.status, 404, "a note that was not acknowledged was kept");
    host
}

async fn publish(world: World, core: CoreRelease) -> World {
    tokio::task::spawn_blocking(move || {
        world.registry.publish_core(core);
        world
    })
    .await
    .unwrap()
}
