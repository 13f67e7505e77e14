//! Advisories: fetched as a target, verified, and able to deny only.

use newleaf_trust::layout::{ADVISORIES_PATH, stored_path};
use newleaf_trust::refresh::{Place, Supplied};
use newleaf_trust::role::TargetRecord;
use newleaf_trust::{Advisories, Advisory, AdvisoryKind, TrustError};

use crate::repository::{NOTES, Repository, core_and_acme};

/// A repository that yanks [`NOTES`].
fn yanking() -> Repository {
    let mut repository = Repository::new();
    let list = Advisories::new(vec![Advisory {
        kind: AdvisoryKind::Yank,
        path: Some(NOTES.to_owned()),
        sha256: None,
        reason: "it loses notes".to_owned(),
        since: None,
        extra: serde_json::Map::new(),
    }]);
    let bytes = list.to_bytes().expect("a canonical list");
    let record = TargetRecord::of(&bytes);
    let digest = newleaf_domain::Digest::of(&bytes);
    repository.files.targets.insert(stored_path(ADVISORIES_PATH, digest), bytes);
    repository.edit("advisories", |role| role.targets.insert(ADVISORIES_PATH.to_owned(), record));
    repository.publish();
    repository
}

#[test]
fn a_yank_is_found_for_its_release_and_fetched_once() {
    let repository = yanking();
    let mut host = repository.host();
    let outcome = host.refresh(&repository).unwrap();
    let notes = outcome.targets.file(NOTES).unwrap();
    let about = outcome.targets.advisories_about(notes).collect::<Vec<_>>();
    assert_eq!((about.len(), about[0].kind), (1, AdvisoryKind::Yank));
    assert!(
        host.log.iter().any(|path| path.ends_with(".advisories.json") && path.starts_with("meta/"))
    );
    let again = host.refresh(&repository).unwrap();
    assert_eq!(host.log, ["2.root.json", "timestamp.json"]);
    assert_eq!(again, outcome);
}

#[test]
fn a_list_that_was_altered_or_withheld_is_an_error_and_stops_nothing_else() {
    let repository = yanking();
    let answers = [
        Supplied::Bytes(b"[]".to_vec()),
        Supplied::NotFound,
        Supplied::TooLarge,
        Supplied::Unavailable("timed out".to_owned()),
    ];
    for answer in answers {
        let outcome =
            repository.host().refresh_over(core_and_acme(), &mut |fetch| match fetch.place {
                Place::Target => answer.clone(),
                Place::Metadata => repository.files.answer(fetch),
            });
        let targets = outcome.unwrap().targets;
        assert!(targets.advisories().is_err(), "{answer:?}");
        assert!(targets.file(NOTES).is_some(), "{answer:?}");
    }
}

#[test]
fn an_altered_list_is_told_from_a_shorter_one() {
    let repository = yanking();
    let honest = repository.files.targets.values().next().unwrap().clone();
    let mut flipped = honest.clone();
    flipped[5] ^= 1;
    for (answer, is_length) in [(flipped, false), (honest[..9].to_vec(), true)] {
        let outcome =
            repository.host().refresh_over(core_and_acme(), &mut |fetch| match fetch.place {
                Place::Target => Supplied::Bytes(answer.clone()),
                Place::Metadata => repository.files.answer(fetch),
            });
        match outcome.unwrap().targets.advisories() {
            Err(TrustError::LengthMismatch { .. }) => assert!(is_length),
            Err(TrustError::DigestMismatch { .. }) => assert!(!is_length),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn hiding_the_role_is_an_error_not_an_empty_list() {
    let mut repository = yanking();
    let mut snapshot = repository.snapshot_of_roles();
    snapshot.meta.remove("advisories.json");
    repository.publish_snapshot(&snapshot);
    let outcome = repository.host().refresh(&repository).unwrap();
    assert!(matches!(outcome.targets.advisories(), Err(TrustError::MissingRole { .. })));
}

#[test]
fn the_advisories_role_cannot_list_a_release() {
    let mut repository = yanking();
    repository.release("advisories", "apps/acme/notes/9.0.0/notes.zip");
    repository.publish();
    let outcome = repository.host().refresh(&repository).unwrap();
    assert!(outcome.targets.file("apps/acme/notes/9.0.0/notes.zip").is_none());
    assert!(outcome.targets.advisories().is_ok());
}
