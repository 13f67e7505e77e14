//! The published forms, whole. They are frozen: a change here is a change for every host and every
//! registry that is out there.

use newleaf_trust::{Advisories, Advisory, AdvisoryKind};
use serde_json::Value;

use crate::repository::{NOTES, NOW, Repository, key, ns};

fn pretty(file: &[u8]) -> String {
    let value: Value = serde_json::from_slice(file).expect("JSON");
    serde_json::to_string_pretty(&value).expect("JSON")
}

#[test]
fn the_roles_have_their_published_forms() {
    let repository = Repository::new();
    for file in [
        "1.root.json",
        "timestamp.json",
        "1.snapshot.json",
        "1.targets.json",
        "1.claimed.json",
        "1.pub.acme.json",
    ] {
        insta::assert_snapshot!(file, pretty(&repository.files.metadata[file]));
    }
}

#[test]
fn a_pin_has_its_stored_form() {
    let repository = Repository::new();
    let outcome = repository.host().refresh(&repository).unwrap();
    let pin = serde_json::to_vec(&outcome.targets.signers[&ns("acme")]).unwrap();
    insta::assert_snapshot!(pretty(&pin));
}

#[test]
fn the_record_of_levels_has_its_stored_form() {
    let repository = Repository::new();
    let mut host = repository.host();
    host.refresh(&repository).unwrap();
    let levels = String::from_utf8(host.store.get("levels").unwrap().to_vec()).unwrap();
    insta::assert_snapshot!(levels, @r#"{"acme":"claimed"}"#);
}

#[test]
fn a_list_of_advisories_has_its_published_form() {
    let list = Advisories::new(vec![Advisory {
        kind: AdvisoryKind::HaltRollout,
        path: Some(NOTES.to_owned()),
        sha256: Some(newleaf_domain::Digest::of(b"notes 1.0.0")),
        reason: "it loses notes".to_owned(),
        since: Some(NOW),
        extra: serde_json::Map::new(),
    }]);
    insta::assert_snapshot!(pretty(&list.to_bytes().unwrap()));
}

#[test]
fn a_key_pair_has_its_file_form() {
    insta::assert_snapshot!(key(1).to_file_form().unwrap().as_str());
}
