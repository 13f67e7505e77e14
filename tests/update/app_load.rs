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

/// Where the app is served.
const AT: &str = "/apps/acme/notes/api/notes";

/// How often each kind of update is made.
fn rounds() -> u32 {
    if Tier::current() == Tier::All { 20 } else { 3 }
}

fn rate() -> u32 {
    load::rate(500)
}

/// Reads and writes of the app, half and half.
fn shots() -> Vec<Shot> {
    let shot = |name, method, path: String, body, expect| Shot {
        name,
        method,
        path,
        body,
        expect,
        over: Over::Http1,
    };
    let note = Bytes::from_static(br#"{"title":"load","body":"a note","tags":"load"}"#);
    vec![
        shot("read", Method::GET, format!("{AT}/1"), None, StatusCode::OK),
        shot(
            "write",
            Method::POST,
            AT.to_owned(),
            Some(("application/json", note)),
            StatusCode::CREATED,
        ),
    ]
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
async fn round(host: &Arc<Host>, what: &str, update: impl FnOnce(&Host) + Send + 'static) -> Tally {
    // What the rounds before have written would fill the app's storage in the end.
    with(host, |host| host.forget_notes("load")).await;
    let before = with(host, |host| host.notes_data().notes).await;
    assert!(before >= NOTES, "{before}");
    let load = Load::start(host.public, rate(), shots());
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
        round(&host, &format!("1.0.0 -> 2.0.0, {number}"), |host| {
            host.run(&[
                "update",
                "acme/notes",
                "--version",
                "2.0.0",
                "--yes",
                "--accept-permissions",
            ])
            .assert_code(0);
        })
        .await;
        assert_eq!(with(&host, |host| host.app_version("acme/notes")).await, "2.0.0");
        with(&host, |host| host.run(&["rollback", "acme/notes", "--yes"]).assert_code(0)).await;
        assert_eq!(with(&host, |host| host.app_version("acme/notes")).await, "1.0.0");
    }
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
        round(&host, &format!("1.0.0 -> 2.1.0 and back at row 5000, {number}"), |host| {
            host.run(&[
                "update",
                "acme/notes",
                "--version",
                "2.1.0",
                "--yes",
                "--accept-permissions",
            ])
            .assert_code(5);
        })
        .await;
        assert_eq!(with(&host, |host| host.app_version("acme/notes")).await, "1.0.0");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_write_is_there_after_updates_that_go_bad_in_their_probation() {
    let (world, host) = crowded(settings(60.0, ROOM)).await;
    let _world = publish(&host, world, "tests/apps/notes-2.1.0").await;
    for number in 1..=rounds() {
        round(&host, &format!("1.0.0 -> 2.1.0, which breaks, and back, {number}"), |host| {
            let running = host.spawn(&[
                "update",
                "acme/notes",
                "--version",
                "2.1.0",
                "--yes",
                "--accept-permissions",
            ]);
            while host.app_version("acme/notes") != "2.1.0" {
                std::thread::yield_now();
            }
            for _ in 0..4 {
                assert_eq!(host.get("/apps/acme/notes/break").status, 500);
            }
            let history = host.history_when_over();
            drop(running);
            assert_eq!(history[0]["ending"], "rolled-back", "{history:#}");
        })
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
