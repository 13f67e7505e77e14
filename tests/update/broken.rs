//! Promise 2 from the vendor's side: a broken release of core takes itself back.

use newleaf_tests::world::{CoreRelease, HostSettings, World};

/// Updates to `broken` and shows that the old version serves, says why, and is left alone.
fn is_rolled_back(broken: CoreRelease, reason_holds: &str) {
    let (world, host) =
        World::with_host(HostSettings { ready_within: 4.0, ..HostSettings::default() });
    world.registry.publish_core(broken);
    let ran = host.run(&["update", "core", "--yes"]).assert_code(5);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains(reason_holds), "the reason is not told:\n{said}");

    assert_eq!(host.core_version(), "1.0.0");
    let board = host.get("/board.json");
    assert_eq!(board.status, 200, "1.0.0 does not serve on the expanded schema: {}", board.body);
    assert_eq!(host.post_json("/board", r#"{"text":"still here"}"#).status, 201);

    let status = host.json(&["status"]);
    let first = &status["notices"][0];
    assert_eq!(first["severity"], "error", "{status:#}");
    assert!(first["text"].as_str().unwrap().contains(broken.version()), "{first:#}");
    assert!(status["core"]["offer"].is_null(), "it is offered again by itself: {status:#}");
    let candidates = status["core"]["candidates"].as_array().unwrap();
    let it = candidates.iter().find(|candidate| candidate["version"] == broken.version()).unwrap();
    assert_eq!(it["verdict"]["reason"]["why"], "bad", "{it:#}");

    let history = host.json(&["history"]);
    assert_eq!(history[0]["ending"], "rolled-back", "{history:#}");
}

#[test]
fn a_core_that_exits_at_start_is_rolled_back() {
    is_rolled_back(CoreRelease::Exits, "exit");
}

#[test]
fn a_core_that_hangs_is_rolled_back() {
    is_rolled_back(CoreRelease::Hangs, "ready");
}

#[test]
fn a_core_that_answers_its_probe_with_503_is_rolled_back() {
    is_rolled_back(CoreRelease::Unhealthy, "503");
}
