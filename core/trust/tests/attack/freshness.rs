//! Replay, freeze and fast-forward (TUF §5.4), and clocks that are wrong.

use newleaf_trust::role::root::TopRole;
use newleaf_trust::role::{MetaFile, Threshold, TimestampRole};
use newleaf_trust::{KeyPair, Limits, TrustError, TrustStore};
use serde_json::{Value, json};

use crate::repository::{DAY, HOUR, NOW, Repository, key, signed, version};

#[test]
fn a_replayed_timestamp_is_refused() {
    let mut repository = Repository::new();
    let old = repository.files.metadata["timestamp.json"].clone();
    repository.publish();
    let mut host = repository.host();
    host.refresh(&repository).unwrap();
    repository.put("timestamp.json", old);
    let refused = host.refresh(&repository);
    let Err(TrustError::Replayed { file, offered, trusted }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!((file.as_str(), offered, trusted), ("timestamp.json", version(1), version(2)));
}

#[test]
fn other_content_under_the_same_version_changes_nothing() {
    let mut repository = Repository::new();
    let mut host = repository.host();
    let before = host.refresh(&repository).unwrap();
    repository.next = 1;
    repository.time = NOW.plus_seconds(HOUR);
    repository.publish_timestamp(MetaFile::version_only(version(9)));
    assert_eq!(host.refresh(&repository).unwrap(), before);
}

#[test]
fn an_expired_timestamp_is_refused_also_when_it_is_only_used_again() {
    let repository = Repository::new();
    let mut host = repository.host();
    let outcome = host.refresh(&repository).unwrap();
    assert_eq!(outcome.freshness.usable_until(), NOW.plus_seconds(DAY));
    host.now = NOW.plus_seconds(DAY + 1);
    let refused = host.refresh(&repository);
    assert!(matches!(refused, Err(TrustError::Expired { .. })), "{refused:?}");
    let mut late = repository.host();
    late.now = NOW.plus_seconds(DAY + 1);
    let refused = late.refresh(&repository);
    assert!(matches!(refused, Err(TrustError::Expired { .. })), "{refused:?}");
    assert!(late.store.get("timestamp.json").is_none());
}

#[test]
fn an_expiry_equal_to_now_is_expired() {
    let repository = Repository::new();
    let mut host = repository.host();
    host.now = NOW.plus_seconds(DAY - 1);
    host.refresh(&repository).unwrap();
    host.now = NOW.plus_seconds(DAY);
    let refused = host.refresh(&repository);
    assert!(matches!(refused, Err(TrustError::Expired { .. })), "{refused:?}");
}

#[test]
fn an_expired_stored_timestamp_is_still_a_floor() {
    let mut repository = Repository::new();
    repository.publish();
    let mut host = repository.host();
    host.refresh(&repository).unwrap();
    host.now = NOW.plus_seconds(2 * DAY);
    // Version 1 again, with a new expiry: fresh, but older than what was seen.
    repository.next = 1;
    repository.time = host.now;
    repository.publish();
    let refused = host.refresh(&repository);
    assert!(matches!(refused, Err(TrustError::Replayed { .. })), "{refused:?}");
}

#[test]
fn a_clock_set_back_a_year_gains_nothing_and_is_warned_of() {
    let mut repository = Repository::new();
    let mut host = repository.host();
    host.refresh(&repository).unwrap();
    host.now = NOW.plus_seconds(-365 * DAY);
    let outcome = host.refresh(&repository).unwrap();
    let warning = outcome.freshness.clock.unwrap();
    assert_eq!((warning.clock, warning.signed_at), (host.now, NOW));
    assert_eq!(outcome.freshness.judged_at, NOW);
    // A file that expired before the newest signed time stays expired, whatever the clock says.
    repository.time = NOW.plus_seconds(-2 * DAY);
    repository.publish();
    let refused = host.refresh(&repository);
    assert!(matches!(refused, Err(TrustError::Expired { .. })), "{refused:?}");
}

#[test]
fn a_clock_ten_minutes_behind_is_no_matter() {
    let repository = Repository::new();
    let mut host = repository.host();
    host.now = NOW.plus_seconds(-600);
    assert_eq!(host.refresh(&repository).unwrap().freshness.clock, None);
    host.now = NOW.plus_seconds(-601);
    assert!(host.refresh(&repository).unwrap().freshness.clock.is_some());
}

#[test]
fn a_timestamp_signed_by_another_key_is_refused() {
    let mut repository = Repository::new();
    let right = repository.keys["timestamp"][0].public().id().short();
    repository.keys.insert("timestamp".to_owned(), vec![key(99)]);
    repository.publish();
    let refused = repository.host().refresh(&repository).unwrap_err();
    assert!(matches!(refused, TrustError::WrongKey { .. }), "{refused:?}");
    let stranger = key(99).public().id().short();
    assert_eq!(
        refused.to_string(),
        format!(
            "timestamp.json has valid signatures by 0 of 1 needed keys: \
             it names {stranger}, but must be signed by {right}"
        )
    );
}

#[test]
fn a_timestamp_that_lowers_the_snapshot_is_refused() {
    let mut repository = Repository::new();
    repository.publish();
    let mut host = repository.host();
    host.refresh(&repository).unwrap();
    let yesterday = repository.files.metadata["1.snapshot.json"].clone();
    repository.publish_timestamp(MetaFile::of(version(1), &yesterday));
    let refused = host.refresh(&repository);
    assert!(matches!(refused, Err(TrustError::Replayed { .. })), "{refused:?}");
}

#[test]
fn a_fast_forward_is_recovered_from_by_rotating_the_keys() {
    for rotated in [TopRole::Timestamp, TopRole::Snapshot] {
        let mut repository = Repository::new();
        let mut host = repository.host();
        // A thief of both online keys drives the versions to the top.
        repository.next = u64::MAX - 1;
        repository.publish();
        host.refresh(&repository).unwrap();
        repository.next = 2;
        repository.publish();
        let refused = host.refresh(&repository);
        assert!(matches!(refused, Err(TrustError::Replayed { .. })), "{refused:?}");
        let new: KeyPair = key(77);
        let public = [new.public()];
        repository.next_root(&[], |root| root.with_role(rotated, &public, Threshold::ONE));
        repository.keys.insert(rotated.as_str().to_owned(), vec![new]);
        repository.next = 3;
        repository.publish();
        host.refresh(&repository).unwrap();
    }
}

#[test]
fn versions_that_are_no_whole_numbers_of_64_bits_are_refused() {
    for number in ["0", "-1", "1.0", "1e0", "\"1\"", "18446744073709551616", "null"] {
        let mut repository = Repository::new();
        let text = String::from_utf8(repository.files.metadata["timestamp.json"].clone()).unwrap();
        let changed = text.replace(
            r#""version":1,"x-signed-at""#,
            &format!(r#""version":{number},"x-signed-at""#),
        );
        assert_ne!(text, changed);
        repository.put("timestamp.json", changed.into_bytes());
        let refused = repository.host().refresh(&repository);
        assert!(matches!(refused, Err(TrustError::Malformed { .. })), "{number}: {refused:?}");
    }
}

#[test]
fn a_file_of_another_type_is_refused_even_if_well_signed() {
    let mut repository = Repository::new();
    let snapshot = repository.snapshot_of_roles();
    let file = signed(&snapshot, &repository.keys["timestamp"]);
    repository.put("timestamp.json", file);
    let refused = repository.host().refresh(&repository);
    assert!(matches!(refused, Err(TrustError::Malformed { .. })), "{refused:?}");
}

#[test]
fn a_field_that_nobody_knows_is_kept_under_the_signature() {
    let mut repository = Repository::new();
    let file = repository.files.metadata["timestamp.json"].clone();
    let value: Value = serde_json::from_slice(&file).unwrap();
    let mut body: TimestampRole = serde_json::from_value(value["signed"].clone()).unwrap();
    body.extra.insert("x-log".to_owned(), json!({"size": 7}));
    let with_field = signed(&body, &repository.keys["timestamp"]);
    repository.put("timestamp.json", with_field.clone());
    repository.host().refresh(&repository).unwrap();
    let text = String::from_utf8(with_field).unwrap();
    repository.put("timestamp.json", text.replace(r#""size":7"#, r#""size":8"#).into_bytes());
    let refused = repository.host().refresh(&repository).unwrap_err();
    let by = repository.keys["timestamp"][0].public().id().short();
    assert_eq!(
        refused.to_string(),
        format!(
            "timestamp.json has valid signatures by 0 of 1 needed keys: \
             the signature named {by} does not hold"
        )
    );
}

#[test]
fn either_floor_holds_without_the_other() {
    // A power cut between two writes leaves one of the two files behind the other.
    for lost in ["timestamp.json", "snapshot.json"] {
        let mut repository = Repository::new();
        repository.publish();
        let mut host = repository.host();
        host.refresh(&repository).unwrap();
        let mut files = host.store.files().clone();
        files.remove(lost);
        host.store = TrustStore::from_files(files, &Limits::default()).unwrap();
        // A newer timestamp, for the snapshot of yesterday.
        let yesterday = repository.files.metadata["1.snapshot.json"].clone();
        repository.publish_timestamp(MetaFile::of(version(1), &yesterday));
        let refused = host.refresh(&repository);
        assert!(matches!(refused, Err(TrustError::Replayed { .. })), "{lost}: {refused:?}");
    }
}

#[test]
fn an_expired_root_is_refused_before_anything_else_is_asked_for() {
    let mut repository = Repository::new();
    repository.next_root(&[], |mut root| {
        root.header.expires = NOW.plus_seconds(HOUR);
        root
    });
    let mut host = repository.host();
    host.now = NOW.plus_seconds(HOUR);
    let refused = host.refresh(&repository);
    assert!(matches!(refused, Err(TrustError::Expired { .. })), "{refused:?}");
    assert!(!host.log.contains(&"timestamp.json".to_owned()));
    // And by the time that the timestamp tells, where the clock is behind.
    repository.time = NOW.plus_seconds(2 * HOUR);
    repository.publish();
    let mut behind = repository.host();
    let refused = behind.refresh(&repository);
    let Err(TrustError::Expired { file, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(file, "root.json");
}

#[test]
fn a_role_signed_for_one_place_does_not_stand_in_another() {
    let mut repository = Repository::new();
    let file: Value = serde_json::from_slice(&repository.files.metadata["timestamp.json"]).unwrap();
    let mut body = file["signed"].clone();
    body["_type"] = json!("mirrors");
    let renamed = newleaf_trust::sign_role(&body, &[&repository.keys["timestamp"][0]]).unwrap();
    repository.put("timestamp.json", renamed);
    let refused = repository.host().refresh(&repository);
    assert!(matches!(refused, Err(TrustError::Malformed { .. })), "{refused:?}");
}
