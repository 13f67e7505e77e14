//! A repository that was taken over, or is gone.

use newleaf_trust::key::KeyPair;
use serde_json::json;

use crate::victim::Victim;

const PACKAGE: &str = "apps/acme/notes/2.0.0/notes.zip";

#[test]
fn a_package_with_one_flipped_byte_is_refused() {
    let victim = Victim::new();
    let package = victim.mirror.target(PACKAGE);
    let mut bytes = std::fs::read(&package).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&package, bytes).unwrap();
    victim.refuses(4, &["notes.zip", "SHA-256"]);
}

#[test]
fn a_role_signed_by_the_wrong_key_is_refused() {
    let victim = Victim::new();
    let thief = KeyPair::generate([7; 32]);
    victim.mirror.replace("pub.acme", &[&thief], |_| {});
    victim.refuses(4, &["pub.acme.json"]);
}

#[test]
fn a_replayed_older_timestamp_is_refused() {
    let victim = Victim::new();
    let old = std::fs::read(victim.mirror.tuf("timestamp.json")).unwrap();
    victim.mirror.sign_snapshot(|_| {});
    victim.host.run(&["check"]).assert_code(0);
    std::fs::write(victim.mirror.tuf("timestamp.json"), old).unwrap();
    let ran = victim.host.run(&["check"]).assert_code(4);
    assert!(ran.stderr.contains("older"), "{}", ran.stderr);
    victim.still_serves();
}

#[test]
fn an_expired_timestamp_is_refused() {
    let victim = Victim::new();
    victim.mirror.sign_timestamp(|body| body["expires"] = json!("2020-01-01T00:00:00Z"));
    victim.refuses(4, &["timestamp.json", "expired", "2020-01-01"]);
}

#[test]
fn a_manifest_and_a_role_that_differ_in_one_field_are_refused() {
    let victim = Victim::new();
    let author = victim.world.registry.author_key();
    victim.mirror.replace("pub.acme", &[&author], |body| {
        body["targets"][PACKAGE]["custom"]["manifest"]["oldest_reader"] = json!(1);
    });
    victim.refuses(4, &["oldest_reader"]);
}

#[test]
fn a_new_signer_for_an_installed_app_is_refused_with_both_named_until_an_admin_accepts_it() {
    let victim = Victim::new();
    let (author, other) = (victim.world.registry.author_key(), KeyPair::generate([7; 32]));
    let public = victim.world.path("other.pub.json");
    std::fs::write(&public, serde_json::to_vec(&other.public()).unwrap()).unwrap();
    victim.world.registry.claim("acme", &public);
    victim.mirror.refresh(&victim.world.registry);
    victim.mirror.replace("pub.acme", &[&other], |_| {});
    let (was, is) = (author.public().id().short(), other.public().id().short());
    victim.refuses(4, &[&was, &is]);
    let shown = victim.host.run(&["trust", "show"]).assert_code(0);
    assert!(shown.stdout.contains(&was) && shown.stdout.contains(&is), "{}", shown.stdout);
    victim.host.run(&["trust", "accept", "acme"]).assert_code(3);
    victim.refuses(4, &[&was, &is]);
    victim.host.run(&["trust", "accept", "acme", "--yes"]).assert_code(0);
    victim.host.run(&["update", "acme/notes", "--yes", "--accept-permissions"]).assert_code(0);
    assert_eq!(victim.host.app_version("acme/notes"), "2.0.0");
    assert_eq!(victim.host.count_notes("kept"), 1);
}

#[test]
fn every_online_key_stolen_ships_nothing_to_an_installed_app() {
    let victim = Victim::new();
    let (thief, fresh) = (KeyPair::generate([7; 32]), victim.mirror.online_key("fresh"));
    victim.mirror.replace("fresh", &[&fresh], |body| {
        let id = thief.public().id().to_string();
        body["delegations"] = json!({
            "keys": { &id: thief.public() },
            "roles": [{
                "name": "pub.acme", "keyids": [id], "threshold": 1, "terminating": true,
                "paths": ["apps/acme/*/*/*"],
            }],
        });
    });
    victim.mirror.replace("pub.acme", &[&thief], |_| {});
    victim.refuses(4, &["pub.acme"]);
    victim.mirror.sign_snapshot(|meta| drop(meta.remove("claimed.json")));
    victim.refuses(4, &["claimed"]);
}

#[test]
fn a_repository_that_is_gone_is_said_to_be_gone() {
    let victim = Victim::new();
    std::fs::rename(victim.mirror.tuf(""), victim.mirror.tuf("../away")).unwrap();
    let ran = victim.host.run(&["check"]).assert_code(1);
    assert!(ran.stderr.contains("cannot be reached"), "{}", ran.stderr);
    victim.still_serves();
}
