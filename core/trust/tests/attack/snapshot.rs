//! Mix-and-match and rollback behind a fresh timestamp (TUF §5.5, §5.6).

use newleaf_trust::TrustError;
use newleaf_trust::role::MetaFile;

use crate::repository::{DAY, NOW, Repository, key, signed, version};

#[test]
fn a_snapshot_with_another_digest_or_length_is_refused() {
    let repository = Repository::new();
    let honest = &repository.files.metadata["1.snapshot.json"];
    let mut flipped = honest.clone();
    flipped[40] ^= 1;
    let cut = honest[..honest.len() - 1].to_vec();
    for (bytes, is_length) in [(flipped, false), (cut, true)] {
        let mut mirror = Repository::new();
        mirror.put("1.snapshot.json", bytes);
        let refused = mirror.host().refresh(&mirror);
        match refused {
            Err(TrustError::LengthMismatch { .. }) => assert!(is_length),
            Err(TrustError::DigestMismatch { .. }) => assert!(!is_length),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_snapshot_signed_by_another_key_is_refused() {
    let mut repository = Repository::new();
    repository.keys.insert("snapshot".to_owned(), vec![key(99)]);
    repository.publish();
    let refused = repository.host().refresh(&repository);
    assert!(matches!(refused, Err(TrustError::WrongKey { .. })), "{refused:?}");
}

#[test]
fn a_snapshot_that_drops_a_role_is_refused() {
    let mut repository = Repository::new();
    let mut host = repository.host();
    host.refresh(&repository).unwrap();
    let mut snapshot = repository.snapshot_of_roles();
    snapshot.meta.remove("claimed.json");
    repository.publish_snapshot(&snapshot);
    let refused = host.refresh(&repository);
    assert!(matches!(refused, Err(TrustError::RoleRemoved { .. })), "{refused:?}");
}

#[test]
fn a_snapshot_that_lowers_a_role_is_refused() {
    let mut repository = Repository::new();
    repository.release("pub.acme", "apps/acme/notes/1.1.0/notes.zip");
    repository.publish();
    let mut host = repository.host();
    host.refresh(&repository).unwrap();
    let old = &repository.files.metadata["1.pub.acme.json"];
    let lower = MetaFile::of(version(1), old);
    let snapshot = repository.snapshot_of_roles().with_role("pub.acme", lower);
    repository.publish_snapshot(&snapshot);
    let refused = host.refresh(&repository);
    let Err(TrustError::Replayed { file, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(file, "pub.acme.json");
}

#[test]
fn a_snapshot_of_another_version_than_its_pin_is_refused() {
    let mut repository = Repository::new();
    let mut snapshot = repository.snapshot_of_roles();
    snapshot.header.version = version(7);
    let bytes = signed(&snapshot, &repository.keys["snapshot"]);
    repository.put("8.snapshot.json", bytes.clone());
    repository.publish_timestamp(MetaFile::of(version(8), &bytes));
    let refused = repository.host().refresh(&repository);
    assert!(matches!(refused, Err(TrustError::WrongVersion { .. })), "{refused:?}");
}

#[test]
fn a_timestamp_of_today_with_a_snapshot_of_yesterday_is_refused() {
    let mut repository = Repository::new();
    let yesterday = repository.files.metadata["1.snapshot.json"].clone();
    repository.release("pub.acme", "apps/acme/notes/1.1.0/notes.zip");
    repository.publish();
    repository.put("2.snapshot.json", yesterday);
    let refused = repository.host().refresh(&repository);
    let mixed = matches!(
        refused,
        Err(TrustError::DigestMismatch { .. } | TrustError::LengthMismatch { .. })
    );
    assert!(mixed, "{refused:?}");
}

#[test]
fn an_expired_snapshot_is_refused_behind_a_fresh_timestamp() {
    let mut repository = Repository::new();
    let mut snapshot = repository.snapshot_of_roles();
    snapshot.header.expires = NOW.plus_seconds(DAY / 2);
    repository.publish_snapshot(&snapshot);
    let mut host = repository.host();
    host.refresh(&repository).unwrap();
    host.now = NOW.plus_seconds(DAY / 2);
    let refused = host.refresh(&repository);
    let Err(TrustError::Expired { file, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(file, "snapshot.json");
}

#[test]
fn a_targets_role_signed_by_another_key_is_refused() {
    let mut repository = Repository::new();
    repository.keys.insert("targets".to_owned(), vec![key(99)]);
    repository.edit("targets", |_| ());
    repository.publish();
    let refused = repository.host().refresh(&repository);
    assert!(matches!(refused, Err(TrustError::WrongKey { .. })), "{refused:?}");
}

#[test]
fn an_expired_targets_role_is_refused() {
    let mut repository = Repository::new();
    repository.edit("targets", |role| role.header.expires = NOW);
    repository.publish();
    let refused = repository.host().refresh(&repository);
    let Err(TrustError::Expired { file, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(file, "targets.json");
}
