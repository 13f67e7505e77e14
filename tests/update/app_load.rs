//! Promise 4 for apps with data to migrate: again and again under load no request fails, and every
//! write that was acknowledged is there, whichever way the update ends.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::{Method, StatusCode};
use newleaf_tests::load::{self, Load, Over, Shot, Tally};
use newleaf_tests::skip::Tier;
use newleaf_tests::world::{Host, HostSettings, World};

/// What is migrated each time, at the least.
const NOTES: u64 = 10_000;

/// Where the app is served below a path.
const AT: &str = "/apps/acme/notes/api/notes";

/// The host name that it has where each app has one.
const OWN_NAME: &str = "notes.acme.localhost";

/// Updates notes to the version that can be made to fail and to break.
const TO_2_1: [&str; 6] =
    ["update", "acme/notes", "--version", "2.1.0", "--yes", "--accept-permissions"];

/// How often each kind of update is made.
fn rounds() -> u32 {
    if Tier::current() == Tier::All { 20 } else { 3 }
}

fn rate() -> u32 {
    load::rate(500)
}

/// Reads and writes of the app whose notes are at the path `at`, half and half.
fn shots(at: &str, over: Over) -> Vec<Shot> {
    let shot =
        |name, method, path: String, body, expect| Shot { name, method, path, body, expect, over };
    let note = Bytes::from_static(br#"{"title":"load","body":"a note","tags":"load"}"#);
    vec![
        shot("read", Method::GET, format!("{at}/1"), None, StatusCode::OK),
        shot(
            "write",
            Method::POST,
            at.to_owned(),
            Some(("application/json", note)),
            StatusCode::CREATED,
        ),
    ]
}

/// The load on the app below its path.
fn below_a_path(host: &Host) -> Load {
    Load::start(host.public, rate(), shots(AT, Over::Http1))
}

/// The load on the app at its own name, half over HTTP/1.1 and half over HTTP/2.
fn at_its_own_name(host: &Host) -> Load {
    let shots = [Over::Http1, Over::Http2].map(|over| shots("/api/notes", over)).concat();
    Load::start_for(OWN_NAME, host.public, rate(), shots)
}

/// A host with that many notes and room for all that wait, whatever this machine does beside.
async fn crowded(settings: HostSettings) -> (World, Arc<Host>) {
    tokio::task::spawn_blocking(move || {
        let (world, host) = World::with_host(settings);
        host.fill_notes(NOTES);
        (world, Arc::new(host))
    })
    .await
    .unwrap()
}

/// Does something blocking with the host.
async fn with<T: Send + 'static>(
    host: &Arc<Host>,
    work: impl FnOnce(&Host) -> T + Send + 'static,
) -> T {
    let host = Arc::clone(host);
    tokio::task::spawn_blocking(move || work(&host)).await.unwrap()
}

/// Runs `update` from well before to well after it under load: no request fails, and what was
/// acknowledged is there and nothing else is.
async fn round(
    host: &Arc<Host>,
    what: &str,
    load: impl FnOnce(&Host) -> Load,
    update: impl FnOnce(&Host) + Send + 'static,
) -> Tally {
    // What the rounds before have written would fill the app's storage in the end.
    with(host, |host| host.forget_notes("load")).await;
    let before = with(host, |host| host.notes_data().notes).await;
    assert!(before >= NOTES, "{before}");
    let load = load(host);
    load.reaches(u64::from(rate())).await;
    with(host, update).await;
    let enough = load.good() + u64::from(rate());
    let reached = tokio::time::timeout(Duration::from_mins(1), load.reaches(enough)).await;
    let tally = load.stop().await;
    println!("{what}: {tally}");
    assert!(reached.is_ok(), "nothing answers any more:\n{}", host.process.log());
    assert_eq!(tally.failures(), 0, "{tally}\n{}", host.process.log());
    let after = with(host, |host| host.notes_data().notes).await;
    assert_eq!(after - before, tally.ok["write"], "what was acknowledged, and what is there");
    tally
}

/// Connections enough for a waiting room of ten seconds of the load, which is half of them: a
/// machine with two busy cores may take as long for the migration.
const CONNECTIONS: &str = "public_connections = 16000";

/// The waiting room.
const ROOM: &str = "hold_cap = 8000";

fn settings(probation: f64, apps: &'static str) -> HostSettings {
    HostSettings { probation, http: CONNECTIONS, apps, ..HostSettings::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_write_is_there_after_update_upon_update_is_committed() {
    let (world, host) = crowded(settings(1.0, ROOM)).await;
    let _world = publish(&host, world, "plugins/notes").await;
    for number in 1..=rounds() {
        round(&host, &format!("1.0.0 -> 2.0.0, {number}"), below_a_path, to_2_0).await;
        assert_eq!(with(&host, |host| host.app_version("acme/notes")).await, "2.0.0");
        with(&host, |host| host.run(&["rollback", "acme/notes", "--yes"]).assert_code(0)).await;
        assert_eq!(with(&host, |host| host.app_version("acme/notes")).await, "1.0.0");
    }
}

/// Updates notes to 2.0.0.
fn to_2_0(host: &Host) {
    let to = ["--version", "2.0.0", "--yes", "--accept-permissions"];
    host.run(&[&["update", "acme/notes"], &to[..]].concat()).assert_code(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_write_is_there_after_an_update_at_the_apps_own_host_name() {
    let own = "hold_cap = 8000\norigin = \"subdomain\"\ndomain = \"localhost\"";
    let (world, host) = crowded(settings(1.0, own)).await;
    let _world = publish(&host, world, "plugins/notes").await;
    let tally = round(&host, "1.0.0 -> 2.0.0 at its own name", at_its_own_name, to_2_0).await;
    assert!(tally.ok["read"] > 0, "{tally}");
    assert_eq!(with(&host, |host| host.app_version("acme/notes")).await, "2.0.0");
    let led = with(&host, |host| host.get("/apps/acme/notes/")).await;
    let to = format!("http://{OWN_NAME}:{}/", host.public.port());
    assert_eq!((led.status, led.header("location")), (308, &*to), "it is served below a path too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_write_is_there_after_updates_that_are_taken_back_before_the_release() {
    let settings = HostSettings {
        notes: "fail_at_row = 5000",
        ..settings(2.0, "hold_cap = 8000\nrehearsal = \"off\"")
    };
    let (world, host) = crowded(settings).await;
    let _world = publish(&host, world, "tests/apps/notes-2.1.0").await;
    for number in 1..=rounds() {
        round(
            &host,
            &format!("1.0.0 -> 2.1.0 and back at row 5000, {number}"),
            below_a_path,
            |host| {
                host.run(&TO_2_1).assert_code(5);
            },
        )
        .await;
        assert_eq!(with(&host, |host| host.app_version("acme/notes")).await, "1.0.0");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_write_is_there_after_updates_that_go_bad_in_their_probation() {
    let (world, host) = crowded(settings(60.0, ROOM)).await;
    let _world = publish(&host, world, "tests/apps/notes-2.1.0").await;
    for number in 1..=rounds() {
        round(
            &host,
            &format!("1.0.0 -> 2.1.0, which breaks, and back, {number}"),
            below_a_path,
            |host| {
                let running = host.spawn(&TO_2_1);
                while host.app_version("acme/notes") != "2.1.0" {
                    std::thread::yield_now();
                }
                for _ in 0..4 {
                    assert_eq!(host.get("/apps/acme/notes/break").status, 500);
                }
                let history = host.history_when_over();
                drop(running);
                assert_eq!(history[0]["ending"], "rolled-back", "{history:#}");
            },
        )
        .await;
        assert_eq!(with(&host, |host| host.app_version("acme/notes")).await, "1.0.0");
    }
}

async fn publish(host: &Arc<Host>, world: World, folder: &'static str) -> World {
    with(host, move |_| {
        world.registry.publish_app(folder);
        world
    })
    .await
}
