//! Attacks on the chain of roots (TUF §5.3).

use newleaf_trust::role::root::TopRole;
use newleaf_trust::{KeyPair, Limits, TrustError, TrustStore};
use serde_json::{Value, json};

use crate::repository::{DAY, NOW, Repository, key, signed, threshold, version};

/// A second root over the same keys, signed by `keys`.
fn offered_root(repository: &mut Repository, keys: &[KeyPair]) {
    let mut root = repository.root.clone();
    root.header.version = version(2);
    repository.put("2.root.json", signed(&root, keys));
}

#[test]
fn an_unsigned_root_is_refused() {
    let mut repository = Repository::new();
    offered_root(&mut repository, &[]);
    let refused = repository.host().refresh(&repository);
    assert!(matches!(refused, Err(TrustError::WrongKey { .. })), "{refused:?}");
}

#[test]
fn a_root_signed_by_strangers_is_refused() {
    let mut repository = Repository::new();
    offered_root(&mut repository, &[key(90), key(91)]);
    let refused = repository.host().refresh(&repository);
    assert!(matches!(refused, Err(TrustError::WrongKey { .. })), "{refused:?}");
}

#[test]
fn every_signature_combination_of_a_rotation_is_judged_by_both_thresholds() {
    // 2 of {1, 2, 3} hand over to 2 of {3, 4, 5}.
    for combination in 0_u8..32 {
        let signers =
            (1..=5).filter(|seed| combination & (1 << (seed - 1)) != 0).collect::<Vec<u8>>();
        let count = |set: [u8; 3]| signers.iter().filter(|seed| set.contains(seed)).count();
        let is_enough = count([1, 2, 3]) >= 2 && count([3, 4, 5]) >= 2;
        let mut repository = Repository::new();
        let mut host = repository.host();
        let new = [3, 4, 5].map(|seed| key(seed).public());
        repository.root = repository.root.with_role(TopRole::Root, &new, threshold(2));
        let keys = signers.iter().map(|seed| key(*seed)).collect::<Vec<_>>();
        offered_root(&mut repository, &keys);
        assert_eq!(host.refresh(&repository).is_ok(), is_enough, "signed by {signers:?}");
    }
}

#[test]
fn a_skipped_or_repeated_root_version_is_refused() {
    for number in [1, 3, u64::MAX] {
        let mut repository = Repository::new();
        let mut root = repository.root.clone();
        root.header.version = version(number);
        let file = signed(&root, &repository.keys["root"]);
        repository.put("2.root.json", file);
        let refused = repository.host().refresh(&repository);
        let wrong =
            matches!(refused, Err(TrustError::WrongVersion { .. } | TrustError::Replayed { .. }));
        assert!(wrong, "version {number}: {refused:?}");
    }
}

#[test]
fn an_expired_root_on_the_way_is_accepted_and_an_expired_last_one_refused() {
    let mut repository = Repository::new();
    let expired = |mut root: newleaf_trust::role::RootRole| {
        root.header.expires = NOW.plus_seconds(-DAY);
        root
    };
    repository.next_root(&[], expired);
    let refused = repository.host().refresh(&repository);
    assert!(matches!(refused, Err(TrustError::Expired { .. })), "{refused:?}");
    repository.next_root(&[], |mut root| {
        root.header.expires = NOW.plus_seconds(DAY);
        root
    });
    repository.host().refresh(&repository).unwrap();
}

#[test]
fn a_long_chain_of_roots_is_walked_64_steps_a_refresh() {
    let mut repository = Repository::new();
    for _ in 0..70 {
        repository.next_root(&[], |root| root);
    }
    let mut host = repository.host();
    let steps = |host: &crate::repository::Host| {
        host.log.iter().filter(|path| path.ends_with(".root.json")).count()
    };
    host.refresh(&repository).unwrap();
    assert_eq!(steps(&host), 64);
    host.refresh(&repository).unwrap();
    assert_eq!(steps(&host), 7);
    assert_eq!(host.store.root(&Limits::default()).unwrap().version(), version(71));
}

#[test]
fn a_threshold_of_zero_below_zero_or_beyond_the_keys_is_refused() {
    for number in [json!(0), json!(-1), json!(4), json!("2"), json!(2.0)] {
        let mut repository = Repository::new();
        let mut root: Value = serde_json::to_value(&repository.root).unwrap();
        root["version"] = json!(2);
        root["roles"]["root"]["threshold"] = number.clone();
        let keys = repository.keys["root"].iter().collect::<Vec<_>>();
        let file = match newleaf_trust::sign_role(&root, &keys) {
            Ok(file) => file,
            Err(_) => root.to_string().into_bytes(),
        };
        repository.put("2.root.json", file);
        assert!(repository.host().refresh(&repository).is_err(), "threshold {number}");
    }
}

#[test]
fn one_key_under_two_ids_counts_once() {
    let mut root: Value = serde_json::to_value(&Repository::new().root).unwrap();
    let id = key(1).public().id().as_str().to_owned();
    root["keys"]["alias"] = root["keys"][&id].clone();
    root["roles"]["root"] = json!({"keyids": [id, "alias"], "threshold": 2});
    let file = newleaf_trust::sign_role(&root, &[&key(1)]).unwrap();
    let mut file: Value = serde_json::from_slice(&file).unwrap();
    let sig = file["signatures"][0]["sig"].clone();
    file["signatures"].as_array_mut().unwrap().push(json!({"keyid": "alias", "sig": sig}));
    let refused = TrustStore::from_root(file.to_string().as_bytes(), &Limits::default());
    assert!(matches!(refused, Err(TrustError::ThresholdNotMet { valid: 1, .. })), "{refused:?}");
}

/// The first root with its list of signatures changed.
fn with_signatures(change: impl FnOnce(&mut Vec<Value>)) -> Vec<u8> {
    let repository = Repository::new();
    let mut file: Value =
        serde_json::from_slice(&repository.files.metadata["1.root.json"]).expect("JSON");
    change(file["signatures"].as_array_mut().expect("a list"));
    file.to_string().into_bytes()
}

#[test]
fn a_signature_listed_twice_is_refused() {
    let file = with_signatures(|list| list.push(list[0].clone()));
    let refused = TrustStore::from_root(&file, &Limits::default());
    assert!(matches!(refused, Err(TrustError::Malformed { .. })), "{refused:?}");
}

#[test]
fn a_placeholder_signature_beside_enough_good_ones_is_accepted() {
    let file = with_signatures(|list| list[0]["sig"] = json!(""));
    TrustStore::from_root(&file, &Limits::default()).unwrap();
    let file = with_signatures(|list| {
        list[0]["sig"] = json!("");
        list[1]["sig"] = json!("");
    });
    let refused = TrustStore::from_root(&file, &Limits::default());
    assert!(matches!(refused, Err(TrustError::ThresholdNotMet { .. })), "{refused:?}");
}

#[test]
fn a_bomb_of_signatures_is_refused() {
    let file = with_signatures(|list| {
        list.extend((0..40).map(|n| json!({"keyid": format!("k{n}"), "sig": ""})));
    });
    let refused = TrustStore::from_root(&file, &Limits::default());
    assert!(matches!(refused, Err(TrustError::LimitExceeded { .. })), "{refused:?}");
}

#[test]
fn a_key_of_another_type_or_scheme_never_counts() {
    for (member, value) in [("keytype", "rsa"), ("scheme", "ecdsa-sha2-nistp256")] {
        let repository = Repository::new();
        let mut root: Value = serde_json::to_value(&repository.root).unwrap();
        for seed in [1, 2] {
            root["keys"][key(seed).public().id().as_str()][member] = json!(value);
        }
        let keys = repository.keys["root"].iter().collect::<Vec<_>>();
        let file = newleaf_trust::sign_role(&root, &keys).unwrap();
        let refused = TrustStore::from_root(&file, &Limits::default());
        assert!(matches!(refused, Err(TrustError::ThresholdNotMet { .. })), "{refused:?}");
    }
}

#[test]
fn a_newer_compiled_root_is_adopted_and_an_older_one_is_not() {
    let mut repository = Repository::new();
    let first = repository.files.metadata["1.root.json"].clone();
    repository.next_root(&[], |root| root);
    let second = repository.files.metadata["2.root.json"].clone();
    let limits = Limits::default();
    let store = TrustStore::from_root(&first, &limits).unwrap();
    let newer = store.with_compiled_root(&second, &limits).unwrap();
    assert_eq!(newer.root(&limits).unwrap().version(), version(2));
    let same = newer.clone().with_compiled_root(&first, &limits).unwrap();
    assert_eq!(same, newer);
}

#[test]
fn a_role_with_more_keys_than_allowed_is_refused() {
    let repository = Repository::new();
    let many = (0..17).map(|seed| key(100 + seed).public()).collect::<Vec<_>>();
    let root = repository.root.clone().with_role(TopRole::Timestamp, &many, threshold(1));
    let file = signed(&root, &repository.keys["root"]);
    let refused = TrustStore::from_root(&file, &Limits::default());
    assert!(matches!(refused, Err(TrustError::LimitExceeded { .. })), "{refused:?}");
}
