//! *Undo* of core: until its date the program goes back while it is used, and the data stays with all
//! that was written; after it, it is refused.

use std::sync::Arc;

use bytes::Bytes;
use hyper::{Method, StatusCode};
use newleaf_tests::load::{Load, Over, Shot, Tally};
use newleaf_tests::world::{CoreRelease, Host, HostSettings, World};

/// Writes a second.
const RATE: u32 = 200;

/// Writes a notice.
fn write() -> Shot {
    Shot {
        name: "write core",
        method: Method::POST,
        path: "/board".into(),
        body: Some(("application/json", Bytes::from_static(br#"{"text":"from the load"}"#))),
        expect: StatusCode::CREATED,
        over: Over::Http1,
    }
}

/// Runs `command` while notices are written, from before it to well after it.
async fn under_load(host: &Arc<Host>, command: &'static [&'static str]) -> Tally {
    let load = Load::start(host.public, RATE, vec![write()]);
    let running = Arc::clone(host);
    let ran = tokio::task::spawn_blocking(move || running.run(command)).await.unwrap();
    ran.assert_code(0);
    // The older worker drains after the update is reported.
    load.reaches(load.good() + u64::from(RATE) * 3).await;
    load.stop().await
}

/// The number of the newest notice. They are numbered without a gap and none is ever deleted.
fn newest(host: &Host) -> u64 {
    let board: serde_json::Value = serde_json::from_str(&host.get("/board.json").body).unwrap();
    board[0]["id"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn core_goes_back_under_load_in_code_only_and_no_row_is_lost() {
    let (world, host) = tokio::task::spawn_blocking(|| {
        let (world, host) = World::with_host(HostSettings::default());
        world.registry.publish_core(CoreRelease::Newer);
        (world, Arc::new(host))
    })
    .await
    .unwrap();
    let forward = under_load(&host, &["update", "core", "--yes"]).await;
    let shown = Arc::clone(&host);
    let (version, status) =
        tokio::task::spawn_blocking(move || (shown.core_version(), shown.json(&["status"])))
            .await
            .unwrap();
    assert_eq!(version, CoreRelease::Newer.version());
    let undo = &status["core"]["undo"];
    assert_eq!(undo["version"], "1.0.0", "{status:#}");
    assert!(undo["until"].is_string(), "Undo has no date: {status:#}");

    let back = under_load(&host, &["rollback", "core"]).await;
    println!("forward: {forward}\nback: {back}");
    assert_eq!((forward.failures(), back.failures()), (0, 0), "{}", host.process.log());
    let written = forward.ok["write core"] + back.ok["write core"];
    let (newest, version) =
        tokio::task::spawn_blocking(move || (newest(&host), host.core_version())).await.unwrap();
    assert_eq!((newest, version.as_str()), (written, "1.0.0"));
    drop(world);
}

/// Gives *Undo* a second, as an admin would in `newleaf.toml`; it is read at the next start.
fn shorten_undo(host: &Host) {
    let path = host.dir.join("newleaf.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let short = text
        .replace("# undo_for = 604800", "undo_for = 1")
        .replace("# drain_within = 30", "drain_within = 1");
    assert!(short.contains("\nundo_for = 1\n") && short.contains("\ndrain_within = 1\n"), "{text}");
    std::fs::write(&path, short).unwrap();
}

/// The notice of the journal with this text; the journal is where it is told first.
fn wait_for_notice(host: &Host, holds: &str) -> String {
    host.wait_for(holds, || {
        let told = |record: &serde_json::Value| Some(record["text"].as_str()?.to_owned());
        host.journal().iter().filter_map(told).find(|text| text.contains(holds))
    })
}

#[test]
fn after_its_date_undo_is_offered_no_more_and_refused_with_both_numbers() {
    let (world, host) = World::with_host(HostSettings::default());
    world.registry.publish_core(CoreRelease::Newer);
    host.run(&["update", "core", "--yes"]).assert_code(0);
    assert_eq!(host.post_json("/board", r#"{"text":"of 1.1.0"}"#).status, 201);
    assert_eq!(host.json(&["status"])["core"]["undo"]["version"], "1.0.0");

    shorten_undo(&host);
    let host = host.power_cycle();
    let told = wait_for_notice(&host, "Undo of core to 1.0.0 has expired");
    assert!(told.contains("schema 2 or newer"), "{told}");
    // What nobody goes back to is taken away next, and `state` says so.
    let reader = || host.state()["core"]["good"]["oldest_reader"].as_u64();
    host.wait_for("without what 1.0.0 needs", || reader().filter(|reader| *reader == 2));
    assert!(host.json(&["status"])["core"]["undo"].is_null(), "Undo is offered after its date");
    let ran = host.run(&["rollback", "core"]).assert_code(3);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    println!("{said}");
    assert!(said.contains("it writes schema 1, the data needs a program of 2 or newer"), "{said}");
    assert_eq!(host.core_version(), CoreRelease::Newer.version());
    assert!(host.get("/board.json").body.contains("of 1.1.0"));
}
