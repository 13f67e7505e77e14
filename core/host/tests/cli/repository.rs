//! Commands on a folder whose host does not run, over a repository of plain files.

use std::collections::BTreeMap;
use std::path::Path;

use newleaf_domain::{Namespace, Timestamp};
use newleaf_trust::role::Threshold;
use newleaf_trust::{Authority, KeyPair, Pin, TrustLevel};
use newleaf_update::port::fake::World;
use serde_json::{Value, json};

use crate::place::Place;

/// A host of a repository that offers core 1.1.0.
pub(crate) fn scene() -> Place {
    let world = World::new();
    world.publisher().core("1.1.0", json!({ "schema": 1, "oldest_reader": 0 }));
    initialised(&world).0
}

/// A host of the repository as `world` publishes it now, and the repository's target files.
pub(crate) fn initialised(world: &World) -> (Place, BTreeMap<String, Vec<u8>>) {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let files = world.publisher().sign(Timestamp::from_unix(now.try_into().unwrap()));
    let place = Place::new();
    std::fs::write(place.root(), world.publisher().root()).unwrap();
    write(&place.repository().join("tuf"), &files.metadata);
    write(&place.repository().join("targets"), &files.targets);
    assert_eq!(place.init().code, 0);
    (place, files.targets)
}

pub(crate) fn write(folder: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (name, bytes) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

#[test]
fn a_check_says_what_there_is_to_update() {
    let place = scene();
    let said = place.run(&["check"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.starts_with("core  1.0.0 -> 1.1.0  ("), "{said:?}");
    assert!(said.out.contains("repository read at"), "{said:?}");
}

#[test]
fn an_update_without_a_target_lists_and_changes_nothing() {
    let place = scene();
    let before = std::fs::read(place.dir().join("state")).unwrap();
    let said = place.run(&["update"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("core  1.0.0 -> 1.1.0") && said.out.contains("--all"), "{said:?}");
    assert_eq!(std::fs::read(place.dir().join("state")).unwrap(), before);
}

#[test]
fn all_that_can_be_updated_is_tried_and_the_codes_are_told_together() {
    let place = scene();
    let said = place.run(&["update", "--all", "--dry-run"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("core  1.0.0 -> 1.1.0"), "{said:?}");
}

#[test]
fn a_dry_run_shows_plan_and_prerequisites_and_changes_nothing() {
    let place = scene();
    let before = std::fs::read(place.dir().join("state")).unwrap();
    let said = place.run(&["update", "core", "--dry-run"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.starts_with("plan ") && said.out.contains("core  1.0.0 -> 1.1.0"), "{said:?}");
    assert!(said.out.contains("pass   Write permission"), "{said:?}");
    assert_eq!(std::fs::read(place.dir().join("state")).unwrap(), before);
}

#[test]
fn a_program_that_does_not_start_is_found_out_before_anything_changed() {
    let place = scene();
    let said = place.run(&["update", "core"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert_eq!(said.err.lines().count(), 4, "{said:?}");
    assert!(
        said.err.starts_with("state now:  no host runs; core 1.0.0 is installed\n"),
        "{said:?}"
    );
    let history: Value = serde_json::from_str(&place.run(&["history", "--json"]).out).unwrap();
    assert_eq!((&history[0]["to"], &history[0]["ending"]), (&json!("1.1.0"), &json!("failed")));
}

#[test]
fn an_update_as_json_is_one_event_a_line() {
    let place = scene();
    let said = place.run(&["update", "core", "--json"]);
    let lines: Vec<Value> =
        said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["event"], &lines[0]["kind"]), (&json!("record"), &json!("began")));
    let (last, rest) = lines.split_last().unwrap();
    assert_eq!((said.code, &last["exit"]), (1, &json!(1)), "{last:#}");
    assert_eq!(rest.last().unwrap()["event"], "ended");
}

#[test]
fn a_signature_that_does_not_hold_is_refused_by_trust() {
    let place = scene();
    let timestamp = place.repository().join("tuf/timestamp.json");
    let text = std::fs::read_to_string(&timestamp).unwrap();
    std::fs::write(&timestamp, text.replacen("\"_type\":", "\"x-added\":1,\"_type\":", 1)).unwrap();
    let said = place.run(&["check"]);
    assert_eq!(said.code, 4, "{said:?}");
    assert_eq!(said.err.lines().count(), 4, "{said:?}");
    assert_eq!(place.run(&["status"]).code, 0);
}

#[test]
fn a_repository_that_is_not_there_fails_and_is_named() {
    let place = scene();
    std::fs::remove_dir_all(place.repository()).unwrap();
    let said = place.run(&["check"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("[place]/updates"), "{said:?}");
}

#[test]
fn a_sign_in_link_needs_a_host_that_serves_the_portal() {
    let said = scene().run(&["sign-in-link"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("newleaf serve"), "{said:?}");
}

#[test]
fn whose_signatures_are_trusted_is_said_and_nobody_is_accepted_where_nobody_is_pinned() {
    let place = scene();
    let said = place.run(&["trust", "show"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.starts_with("no signer is pinned"), "{said:?}");
    assert!(said.out.contains("repository read at"), "{said:?}");
    let view: Value = serde_json::from_str(&place.run(&["trust", "show", "--json"]).out).unwrap();
    assert_eq!(view["signers"], json!([]));
    let said = place.run(&["trust", "accept", "acme", "--yes"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("newleaf trust show"), "{said:?}");
}

#[test]
fn another_signer_is_accepted_on_the_command_line_and_stays() {
    let place = scene();
    let lost = KeyPair::generate([99; 32]).public();
    let authority = Authority::new([lost], Threshold::ONE);
    let acme = Namespace::parse("acme").unwrap();
    let pin = Pin::first(acme, &authority, TrustLevel::Claimed);
    write(&place.dir().join("trust/pins"), &[pin_file(&pin)].into());

    let said = place.run(&["trust", "show"]);
    assert_eq!(said.code, 0, "{said:?}");
    let [pinned, offered] = ["acme       pinned   1", "acme       offered  2"];
    assert!(said.out.contains(pinned) && said.out.contains(offered), "{said:?}");
    assert!(said.out.contains(&lost.id().short()), "{said:?}");

    let said = place.run(&["trust", "accept", "acme"]);
    assert_eq!(said.code, 3, "nobody said yes: {said:?}");
    assert!(said.err.contains("newleaf trust accept acme --yes"), "{said:?}");
    let said = place.run(&["trust", "accept", "acme", "--yes"]);
    assert_eq!(said.code, 0, "{said:?}");
    let said = place.run(&["trust", "show"]);
    assert!(said.out.contains("acme       pinned  2"), "{said:?}");
    assert!(!said.out.contains(&lost.id().short()), "{said:?}");
    assert_eq!(place.run(&["trust", "accept", "acme", "--yes"]).code, 0);
}

fn pin_file(pin: &Pin) -> (String, Vec<u8>) {
    (format!("{}.json", pin.ns), serde_json::to_vec(pin).unwrap())
}
