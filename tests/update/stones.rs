//! From a really old core: two stepping stones, planned, shown and run; cut off in the middle; and
//! stopped at a hop that fails.

use newleaf_tests::world::{CoreRelease, Host, HostSettings, World};
use serde_json::{Value, json};

/// A registry with 0.9.0 and 1.0.0 as stepping stones, and a host that runs 0.8.0.
fn really_old() -> (World, Host) {
    let world = World::new();
    let stone = json!({"stepping_stone": true});
    world.registry.publish_core(CoreRelease::Oldest);
    world.registry.publish_core_with(CoreRelease::Old, &stone);
    world.registry.publish_core_with(CoreRelease::Stock, &stone);
    let host = world.host_of(CoreRelease::Oldest, "old", HostSettings::default());
    assert_eq!(host.core_version(), "0.8.0");
    (world, host)
}

fn texts<'a>(list: &'a Value, of: impl Fn(&'a Value) -> &'a Value) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|one| of(one).as_str().unwrap_or("-")).collect()
}

/// How each update of the host's history ended, oldest first, with the version it led to.
fn endings(host: &Host) -> Vec<(String, String)> {
    let history = host.history_when_over();
    let mut endings = history
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
            (text("to"), text("ending"))
        })
        .collect::<Vec<_>>();
    endings.reverse();
    endings
}

fn committed(versions: &[&str]) -> Vec<(String, String)> {
    versions.iter().map(|to| ((*to).to_owned(), "committed".to_owned())).collect()
}

#[test]
fn a_really_old_core_goes_over_two_stepping_stones() {
    let (world, host) = really_old();
    world.registry.publish_core(CoreRelease::Newer);
    host.run(&["check"]).assert_code(0);

    let plan = &host.json(&["update", "core", "--dry-run"]);
    let changes = &plan["plan"]["changes"];
    assert_eq!(texts(changes, |it| &it["to"]), ["0.9.0", "1.0.0", "1.1.0"]);
    assert_eq!(
        texts(changes, |it| &it["because"]["is"]),
        ["stepping-stone", "stepping-stone", "goal"]
    );
    let shown = host.run(&["plan", "core"]).assert_code(0).stdout;
    for line in [
        "3 hops, one after the other",
        "core  0.8.0 -> 0.9.0",
        "hop 1 of 3: a stepping stone: no older version may pass it over",
        "hop 3 of 3: what this plan is for",
    ] {
        assert!(shown.contains(line), "{line:?} is not in\n{shown}");
    }

    let ran = host.run(&["update", "core", "--yes"]).assert_code(0);
    for version in ["0.9.0", "1.0.0", "1.1.0"] {
        let line = format!("core {version} is installed and serves");
        assert!(ran.stdout.contains(&line), "{line:?} is not in\n{}", ran.stdout);
    }
    assert_eq!(host.core_version(), "1.1.0");
    assert_eq!(host.get("/board/pinned").status, 200);
    assert_eq!(endings(&host), committed(&["0.9.0", "1.0.0", "1.1.0"]));
    let again = host.run(&["update", "core", "--yes"]).assert_code(0);
    assert!(again.stdout.contains("is the newest for this host"), "{}", again.stdout);
}

#[test]
fn a_power_cut_between_two_stones_is_gone_on_from() {
    let (world, host) = really_old();
    world.registry.publish_core(CoreRelease::Newer);
    let follower = host.spawn(&["update", "core", "--yes"]);
    follower.wait_for_line("core 0.9.0 is installed and serves", newleaf_tests::world::START);
    drop(follower);
    let host = host.power_cycle();
    host.wait_for("on 1.1.0", || {
        let records = host.journal();
        let last = records.iter().rfind(|record| record["to"] == "1.1.0")?["update"].clone();
        let ends = |record: &Value| record["ending"] == "committed" && record["update"] == last;
        records.iter().any(ends).then_some(())
    });
    assert_eq!(host.core_version(), "1.1.0");
    let endings = endings(&host);
    assert_eq!(endings.last(), committed(&["1.1.0"]).last(), "{endings:?}");
    let done = endings.iter().filter(|(_, ending)| ending == "committed").cloned();
    assert_eq!(done.collect::<Vec<_>>(), committed(&["0.9.0", "1.0.0", "1.1.0"]));
}

#[test]
fn the_first_hop_that_fails_stops_the_plan_on_a_working_version() {
    let (world, host) = really_old();
    world.registry.publish_core(CoreRelease::Exits);
    let ran = host.run(&["update", "core", "--yes"]).assert_code(5);
    assert!(ran.stdout.contains("core 1.0.0 is installed and serves"), "{}", ran.stdout);
    assert_eq!(host.core_version(), "1.0.0");
    assert_eq!(host.post_json("/board", r#"{"text":"still here"}"#).status, 201);
    let endings = endings(&host);
    assert_eq!(endings[..2], committed(&["0.9.0", "1.0.0"]));
    assert_eq!(endings[2], ("1.2.0".to_owned(), "rolled-back".to_owned()));
    assert_eq!(endings.len(), 3);
}

#[test]
fn an_older_core_is_taken_back_to_by_its_version() {
    let (world, host) = really_old();
    world.registry.publish_core(CoreRelease::Newer);
    host.run(&["update", "core", "--yes"]).assert_code(0);
    let dry = host.run(&["update", "core", "--version", "1.0.0", "--dry-run"]).assert_code(0);
    let said = "goes back: the data stays at schema 2";
    assert!(dry.stdout.contains(said), "{said:?} is not in\n{}", dry.stdout);
    let back = host.run(&["update", "core", "--version", "1.0.0", "--yes"]).assert_code(0);
    assert!(back.stdout.contains("core 1.0.0 is installed and serves"), "{}", back.stdout);
    assert_eq!(host.core_version(), "1.0.0");
    assert_eq!(host.post_json("/board", r#"{"text":"still here"}"#).status, 201);
}
