//! A core that does not run an installed app: told beforehand, the app suspended with its data kept,
//! and back by itself: with core's version before, or with the first version that fits.

use std::time::{Duration, Instant};

use newleaf_tests::world::{CoreRelease, Host, HostSettings, World};
use serde_json::json;

const NOTES: &str = "/apps/acme/notes/";

/// A host with core 1.0.0 and a release of notes 1.0.0 that names cores below 1.1.0; core 1.1.0 is
/// offered.
fn world() -> (World, Host) {
    let world = World::new();
    world.registry.publish_core(CoreRelease::Stock);
    world.registry.publish_app_with("tests/apps/notes-1.0.0", &json!({ "core": "<1.1.0" }));
    let settings = HostSettings { rehearsal: "required", ..HostSettings::default() };
    let host = world.host("host", settings);
    host.run(&["apps", "install", "acme/notes", "--yes"]).assert_code(0);
    host.add_note("Buy oat milk", "home");
    world.registry.publish_core(CoreRelease::Newer);
    host.run(&["check"]).assert_code(0);
    (world, host)
}

fn stopped_by(host: &Host) -> String {
    let row = host.json(&["apps", "info", "acme/notes"]);
    assert_eq!(row["serving"], false, "{row:#}");
    row["stopped"].as_str().unwrap().to_owned()
}

#[test]
fn an_app_left_behind_is_told_suspended_and_back_with_the_core_before() {
    let (_world, host) = world();
    let plan = host.run(&["plan", "core"]).assert_code(0);
    assert!(plan.stdout.contains("acme/notes 1.0.0 needs core <1.1.0"), "{}", plan.stdout);
    let refused = host.run(&["update", "core", "--yes"]).assert_code(3);
    assert!(refused.stderr.contains("--suspend-apps"), "{}", refused.stderr);
    assert_eq!((host.core_version().as_str(), host.get(NOTES).status), ("1.0.0", 200));

    let went_on = host.run(&["update", "core", "--suspend-apps"]).assert_code(0);
    let told = "1 of 1 app breaks: acme/notes, because it needs core <1.1.0, this is 1.1.0";
    assert!(went_on.stdout.contains(told), "{}", went_on.stdout);
    assert_eq!(host.core_version(), "1.1.0");
    let why = stopped_by(&host);
    assert!(why.starts_with("suspended: it needs core <1.1.0, this is 1.1.0."), "{why}");
    let page = host.get(NOTES);
    assert!(page.status == 503 && page.body.contains("acme/notes is stopped"), "{}", page.body);
    assert!(host.dir.join("data/apps/acme/notes").is_dir());

    host.run(&["rollback", "core"]).assert_code(0);
    assert_eq!(host.count_notes("Buy oat milk"), 1);
}

#[test]
fn an_app_left_behind_comes_back_by_itself_with_the_version_that_fits() {
    let (world, host) = world();
    let fits = json!({ "version": "1.0.1", "core": ">=1.1.0" });
    world.registry.publish_app_with("tests/apps/notes-1.0.0", &fits);
    host.run(&["check"]).assert_code(0);
    let plan = host.run(&["plan", "core"]).assert_code(0);
    assert!(plan.stdout.contains("1.0.1 brings it back"), "{}", plan.stdout);
    host.run(&["update", "core", "--suspend-apps"]).assert_code(0);
    until(&host, || host.app_version("acme/notes") == "1.0.1" && host.get(NOTES).status == 200);
    assert_eq!(host.count_notes("Buy oat milk"), 1);
    let history = host.history_when_over();
    assert_eq!((&history[0]["by"], &history[0]["to"]), (&json!("newleaf"), &json!("1.0.1")));
}

fn until(host: &Host, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !holds() {
        assert!(Instant::now() < deadline, "never came back:\n{}", host.process.log());
        // Asked again: the host begins it by itself, and nothing outside tells when.
        std::thread::sleep(Duration::from_millis(100));
    }
}
