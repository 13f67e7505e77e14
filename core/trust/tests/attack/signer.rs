//! Signer continuity: what a host that has an app installed does when its signer changes.

use newleaf_trust::{TrustError, TrustLevel};

use crate::repository::{Host, NOTES, Repository, key, ns, threshold};

/// A host that has installed an app of `acme` from `repository`.
fn host_with_pin(repository: &Repository) -> Host {
    let mut host = repository.host();
    let outcome = host.refresh(repository).expect("an honest repository");
    host.pins = vec![outcome.targets.signers[&ns("acme")].clone()];
    host
}

#[test]
fn the_same_signer_goes_on() {
    let mut repository = Repository::new();
    let mut host = host_with_pin(&repository);
    repository.release("pub.acme", "apps/acme/notes/1.1.0/notes.zip");
    repository.publish();
    let outcome = host.refresh(&repository).unwrap();
    assert!(outcome.targets.failures.is_empty());
    assert_eq!(outcome.targets.signers[&ns("acme")], host.pins[0]);
}

#[test]
fn other_keys_are_refused_even_if_claimed_by_offline_keys_and_both_signers_are_named() {
    let mut repository = Repository::new();
    let mut host = host_with_pin(&repository);
    repository.claim("acme", 66);
    repository.edit("pub.acme", |_| ());
    repository.publish();
    let outcome = host.refresh(&repository).unwrap();
    assert!(outcome.targets.file(NOTES).is_none());
    let failure = &outcome.targets.failures[&ns("acme")];
    let TrustError::SignerChanged { pinned, offered, .. } = failure else { panic!("{failure}") };
    assert!(pinned.contains(&key(21).public().id().short()), "{pinned}");
    assert!(offered.contains(&key(66).public().id().short()), "{offered}");
    assert!(failure.hint().contains("trust accept"));
    // Once an admin has accepted the new signer, its releases are offered.
    host.pins = vec![outcome.targets.acceptable[&ns("acme")].clone()];
    let outcome = host.refresh(&repository).unwrap();
    assert!(outcome.targets.file(NOTES).is_some());
}

#[test]
fn an_added_key_or_a_lower_threshold_is_another_signer() {
    let mut repository = Repository::new();
    let keys = [key(21).public(), key(31).public()];
    let paths = ["apps/acme/*/*/*"];
    let mut host = host_with_pin(&repository);
    repository.delegate_by_threshold("claimed", "pub.acme", &keys, threshold(1), &paths);
    repository.publish();
    let outcome = host.refresh(&repository).unwrap();
    assert!(matches!(outcome.targets.failures[&ns("acme")], TrustError::SignerChanged { .. }));
}

#[test]
fn stolen_online_keys_ship_nothing_to_an_installed_app() {
    // The thief holds timestamp, snapshot and fresh, but no offline key.
    let mut repository = Repository::new();
    repository.introduce("fresh", "solo", 40);
    repository.release("pub.solo", "apps/solo/clock/1.0.0/clock.zip");
    repository.publish();
    let wanted = newleaf_trust::refresh::Wanted::core_and([ns("solo")]);
    let mut host = repository.host();
    let outcome = host.refresh_for(wanted.clone(), &repository).unwrap();
    host.pins = vec![outcome.targets.signers[&ns("solo")].clone()];
    repository.introduce("fresh", "solo", 66);
    repository.release("pub.solo", "apps/solo/clock/9.0.0/clock.zip");
    repository.publish();
    let outcome = host.refresh_for(wanted, &repository).unwrap();
    let failure = &outcome.targets.failures[&ns("solo")];
    assert!(matches!(failure, TrustError::SignerChanged { voucher: TrustLevel::Fresh, .. }));
    assert!(outcome.targets.acceptable.is_empty() && !failure.hint().contains("accept"));
}

#[test]
fn a_fresh_author_who_gets_claimed_with_the_same_keys_is_the_same_signer() {
    let mut repository = Repository::new();
    repository.introduce("fresh", "solo", 40);
    repository.publish();
    let wanted = newleaf_trust::refresh::Wanted::core_and([ns("solo")]);
    let mut host = repository.host();
    let outcome = host.refresh_for(wanted.clone(), &repository).unwrap();
    host.pins = vec![outcome.targets.signers[&ns("solo")].clone()];
    repository.claim("solo", 40);
    repository.publish();
    let outcome = host.refresh_for(wanted, &repository).unwrap();
    assert_eq!(outcome.targets.signers[&ns("solo")].level, TrustLevel::Claimed);
}

#[test]
fn a_claimed_namespace_never_drops_to_fresh() {
    let mut repository = Repository::new();
    let mut host = host_with_pin(&repository);
    repository.edit("claimed", |role| role.delegations = None);
    repository.introduce("fresh", "acme", 21);
    repository.publish();
    let pinned = host.refresh(&repository).unwrap();
    assert!(matches!(pinned.targets.failures[&ns("acme")], TrustError::SignerChanged { .. }));
    // Nor for a host that only looked at it and has no pin.
    host.pins.clear();
    let unpinned = host.refresh(&repository).unwrap();
    let failure = &unpinned.targets.failures[&ns("acme")];
    assert!(matches!(failure, TrustError::LevelLowered { .. }), "{failure}");
    assert!(unpinned.targets.file(NOTES).is_none());
}
