//! A broken release of core never gets near the data: it fails on a copy of it.

use newleaf_tests::world::{CoreRelease, Host, HostSettings, World};

/// A host whose settings are the product's own: what fails in its rehearsal is stopped.
fn strict_world() -> (World, Host) {
    let world = World::new();
    world.registry.publish_core(CoreRelease::Stock);
    world.registry.publish_app("tests/apps/notes-1.0.0");
    let settings =
        HostSettings { ready_within: 8.0, rehearsal: "required", ..HostSettings::default() };
    let host = world.host("host", settings);
    host.run(&["apps", "install", "acme/notes", "--yes"]).assert_code(0);
    (world, host)
}

/// The snapshots of core's data: one is taken before each extension of it, and of nothing else.
fn snapshots_of_core(host: &Host) -> usize {
    let entries = std::fs::read_dir(host.dir.join("snapshots")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("core-")).count()
}

/// `newleaf rehearse core` changes nothing, and the plan tells what it learnt.
fn rehearsed_without_an_update(host: &Host, version: &str) {
    let note = host.json(&["rehearse", "core", "--version", version]);
    assert_eq!((&note["version"], &note["apps"]), (&version.into(), &1.into()), "{note:#}");
    assert!(note["rehearsed"]["start_ms"].as_u64().unwrap() > 0, "{note:#}");
    let plan = host.run(&["plan", "core", "--version", version]).assert_code(0);
    println!("{}", plan.stdout);
    assert!(plan.stdout.contains("expected: about "), "{}", plan.stdout);
    assert_eq!(host.json(&["plan", "core", "--version", version])["rehearsal"], note);
    assert_eq!(host.core_version(), "1.0.0");
    assert_eq!(snapshots_of_core(host), 0, "the data itself was touched");
}

#[test]
fn cores_that_exit_hang_or_are_unwell_are_stopped_on_a_copy_and_a_good_one_passes() {
    let (world, host) = strict_world();
    assert_eq!(host.post_json("/board", r#"{"text":"before"}"#).status, 201);
    for (broken, told) in [
        (CoreRelease::Exits, "ended with"),
        (CoreRelease::Hangs, "was not ready within"),
        (CoreRelease::Unhealthy, "503"),
    ] {
        world.registry.publish_core(broken);
        let ran = host.run(&["update", "core", "--version", broken.version(), "--yes"]);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        ran.assert_code(1);
        assert!(said.contains("on a copy of the data") && said.contains(told), "{said}");
        assert_eq!(host.core_version(), "1.0.0");
        assert_eq!(snapshots_of_core(&host), 0, "the data itself was touched");
        assert!(!host.dir.join("staging/rehearsal").exists());
        assert!(!host.dir.join("run/rehearsal.sock").exists());
    }
    world.registry.publish_core(CoreRelease::Newer);
    let version = CoreRelease::Newer.version();
    rehearsed_without_an_update(&host, version);
    let ran = host.run(&["update", "core", "--version", version, "--yes"]);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    println!("{said}");
    ran.assert_code(0);
    assert!(said.contains("started and healthy in"), "{said}");
    assert!(said.contains("1 app compiled and linked"), "{said}");
    assert_eq!(host.core_version(), version);
    assert_eq!(snapshots_of_core(&host), 1);
    assert!(host.get("/board.json").body.contains("before"));
}
