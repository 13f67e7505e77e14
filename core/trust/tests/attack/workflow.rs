//! The workflow where nothing is wrong: what is fetched, what is kept, what comes out.

use std::collections::BTreeMap;

use newleaf_domain::{PackageName, ReleasePath, Target};
use newleaf_trust::refresh::{Place, Supplied, Wanted};
use newleaf_trust::role::TargetRecord;
use newleaf_trust::{Limits, TrustError, TrustLevel, TrustStore, check_target};

use crate::repository::{CORE, HOUR, Host, NOTES, NOW, Repository, core_and_acme, length, ns};

#[test]
fn a_new_host_learns_core_and_the_wanted_apps() {
    let repository = Repository::new();
    let outcome = repository.host().refresh(&repository).unwrap();
    let notes = outcome.targets.file(NOTES).unwrap();
    assert_eq!(notes.signer.role, "pub.acme");
    assert_eq!(notes.signer.level, TrustLevel::Claimed);
    assert_eq!(notes.manifest().unwrap().version.as_str(), "1.0.0");
    assert_eq!(notes.release().unwrap().rollout, 100);
    assert!(notes.stored_path().starts_with("apps/acme/notes/1.0.0/"));
    assert!(notes.stored_path().ends_with(".notes.zip"));
    let core = outcome.targets.releases(&Target::Core).collect::<Vec<_>>();
    assert_eq!(core.len(), 1);
    assert_eq!(core[0].0, ReleasePath::parse(CORE).unwrap());
    assert!(outcome.targets.failures.is_empty());
    assert_eq!(outcome.freshness.clock, None);
    assert_eq!(outcome.freshness.usable_until(), outcome.freshness.timestamp_expires);
}

#[test]
fn a_new_host_fetches_each_file_once() {
    let repository = Repository::new();
    let mut host = repository.host();
    host.refresh(&repository).unwrap();
    insta::assert_snapshot!(host.log.join("\n"), @r"
    2.root.json
    timestamp.json
    1.snapshot.json
    1.targets.json
    1.advisories.json
    1.core.json
    1.claimed.json
    1.pub.acme.json
    ");
}

#[test]
fn an_unchanged_repository_costs_two_requests() {
    let repository = Repository::new();
    let mut host = repository.host();
    let first = host.refresh(&repository).unwrap();
    let second = host.refresh(&repository).unwrap();
    assert_eq!(host.log, ["2.root.json", "timestamp.json"]);
    assert_eq!(first, second);
}

#[test]
fn every_role_is_kept_even_the_one_that_ends_the_search() {
    let repository = Repository::new();
    for wanted in [Wanted::core_and([]), core_and_acme(), Wanted::everything()] {
        let mut host = repository.host();
        let first = host.refresh_for(wanted.clone(), &repository).unwrap();
        let fetched =
            host.log.iter().filter_map(|path| path.strip_prefix("1.")).collect::<Vec<_>>();
        for file in fetched {
            assert!(host.store.get(file).is_some(), "{file} was fetched and not kept: {wanted:?}");
        }
        // The store was read again from what was persisted; roles come from nowhere else now.
        let second = host.refresh_over(wanted, &mut |fetch| match fetch.path.as_str() {
            "2.root.json" | "timestamp.json" => repository.files.answer(fetch),
            _ => Supplied::Unavailable("the repository is offline".to_owned()),
        });
        assert_eq!(first, second.unwrap());
    }
}

#[test]
fn only_what_changed_is_fetched_again() {
    let mut repository = Repository::new();
    let mut host = repository.host();
    host.refresh(&repository).unwrap();
    repository.release("pub.acme", "apps/acme/notes/1.1.0/notes.zip");
    repository.publish();
    let outcome = host.refresh(&repository).unwrap();
    let expected = ["2.root.json", "timestamp.json", "2.snapshot.json", "2.pub.acme.json"];
    assert_eq!(host.log, expected);
    assert_eq!(outcome.targets.releases(&Target::parse("acme/notes").unwrap()).count(), 2);
}

#[test]
fn browsing_finds_every_namespace() {
    let mut repository = Repository::new();
    repository.introduce("fresh", "newcomer", 40);
    repository.release("pub.newcomer", "apps/newcomer/clock/1.0.0/clock.zip");
    repository.publish();
    let outcome = repository.host().refresh_for(Wanted::everything(), &repository).unwrap();
    let apps = outcome.targets.apps();
    let names = apps.iter().map(PackageName::as_str).collect::<Vec<_>>();
    assert_eq!(names, ["acme/notes", "newcomer/clock"]);
    assert_eq!(outcome.targets.signers[&ns("newcomer")].level, TrustLevel::Fresh);
}

#[test]
fn what_is_not_wanted_is_not_fetched() {
    let repository = Repository::new();
    let mut host = repository.host();
    let outcome = host.refresh_for(Wanted::default(), &repository).unwrap();
    assert_eq!(outcome.targets.files().count(), 0);
    assert!(!host.log.iter().any(|path| path.contains("core") || path.contains("pub.")));
}

#[test]
fn files_beside_a_release_are_found() {
    let mut repository = Repository::new();
    let readme = "apps/acme/notes/1.0.0/README.md";
    let record = TargetRecord::of(b"# Notes");
    repository.edit("pub.acme", |role| role.targets.insert(readme.to_owned(), record));
    repository.publish();
    let outcome = repository.host().refresh(&repository).unwrap();
    let release = outcome.targets.file(NOTES).unwrap();
    assert_eq!(outcome.targets.beside(release, "README.md").unwrap().path, readme);
    assert_eq!(outcome.targets.releases(&Target::parse("acme/notes").unwrap()).count(), 1);
}

#[test]
fn a_target_longer_or_shorter_than_listed_or_altered_is_refused() {
    let repository = Repository::new();
    let outcome = repository.host().refresh(&repository).unwrap();
    let notes = outcome.targets.file(NOTES).unwrap();
    let digest = notes.sha256;
    assert_eq!(check_target(notes, length(b"notes 1.0.0"), digest), Ok(()));
    for other in [b"notes 1.0.".as_slice(), b"notes 1.0.0!"] {
        let refused = check_target(notes, length(other), digest).unwrap_err();
        assert!(matches!(refused, TrustError::LengthMismatch { .. }));
    }
    let flipped = newleaf_domain::Digest::of(b"Notes 1.0.0");
    let refused = check_target(notes, notes.length, flipped).unwrap_err();
    assert!(matches!(refused, TrustError::DigestMismatch { .. }));
}

#[test]
fn a_power_cut_after_any_write_leaves_a_store_that_goes_on() {
    let mut repository = Repository::new();
    let mut host = repository.host();
    host.refresh(&repository).unwrap();
    repository.next_root(&[], |root| root);
    repository.release("pub.acme", "apps/acme/notes/1.1.0/notes.zip");
    repository.publish();
    let old = host.store.clone();
    for writes in 0.. {
        let mut files = old.files().clone();
        let mut cut = newleaf_trust::Refresh::start(
            old.clone(),
            Vec::new(),
            core_and_acme(),
            Limits::default(),
            NOW,
        )
        .unwrap();
        let mut left = writes;
        let finished = loop {
            match cut.next().unwrap() {
                newleaf_trust::refresh::Next::Fetch(fetch) => {
                    cut.supply(repository.files.answer(&fetch)).unwrap();
                }
                newleaf_trust::refresh::Next::Persist(changed) => {
                    let kept = changed.len().min(left);
                    left -= kept;
                    files.extend(changed.into_iter().take(kept));
                }
                newleaf_trust::refresh::Next::Done(_) => break left > 0,
            }
        };
        host.store = TrustStore::from_files(files, &Limits::default()).unwrap();
        let outcome = host.refresh(&repository).unwrap();
        assert_eq!(outcome.targets.releases(&Target::parse("acme/notes").unwrap()).count(), 2);
        if finished {
            assert!(writes >= 4, "only {writes} writes were cut");
            return;
        }
    }
}

#[test]
fn a_tampered_cache_is_fetched_again_and_never_believed() {
    let repository = Repository::new();
    let mut host = repository.host();
    let honest = host.refresh(&repository).unwrap();
    for file in ["timestamp.json", "snapshot.json", "targets.json", "claimed.json", "pub.acme.json"]
    {
        for damage in
            [Vec::new(), b"{}".to_vec(), repository.files.metadata["1.fresh.json"].clone()]
        {
            let mut files = host.store.files().clone();
            files.insert(file.to_owned(), damage);
            let mut damaged = repository.host();
            damaged.store = TrustStore::from_files(files, &Limits::default()).unwrap();
            assert_eq!(damaged.refresh(&repository).unwrap(), honest, "{file}");
        }
    }
}

/// A host that looked once, and whose files of the trust folder were then changed by `damage`.
fn damaged(repository: &Repository, damage: impl FnOnce(&mut BTreeMap<String, Vec<u8>>)) -> Host {
    let mut host = repository.host();
    host.refresh(repository).expect("an honest repository");
    let mut files = host.store.files().clone();
    damage(&mut files);
    host.store = TrustStore::from_files(files, &Limits::default()).expect("a whole root");
    host
}

#[test]
fn a_record_of_levels_that_was_damaged_lowers_nobody() {
    let mut repository = Repository::new();
    let garbage: [Option<&[u8]>; 5] =
        [None, Some(b""), Some(b"{\"acme\":"), Some(b"{\"acme\":\"frash\"}"), Some(&[0; 64])];
    let mut hosts = garbage.map(|damage| {
        damaged(&repository, |files| {
            files.remove("levels");
            files.extend(damage.map(|bytes| ("levels".to_owned(), bytes.to_vec())));
        })
    });
    // The thief of the online keys offers the namespace by himself.
    repository.edit("claimed", |role| role.delegations = None);
    repository.introduce("fresh", "acme", 66);
    repository.publish();
    for host in &mut hosts {
        let refused = host.refresh(&repository).unwrap_err();
        let TrustError::StoreDamaged { file, .. } = &refused else { panic!("{refused}") };
        assert_eq!(file, "levels");
        assert!(refused.hint().contains("backup"), "{}", refused.hint());
    }
}

/// What becomes of a file's bytes; none where it is gone.
type Damage = fn(&[u8]) -> Option<Vec<u8>>;

#[test]
fn a_host_that_lost_both_floors_refuses_rather_than_begin_anew() {
    let mut repository = Repository::new();
    let old = repository.files.clone();
    repository.publish();
    let flipped = |bytes: &[u8]| {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        text.replacen(r#""version":2"#, r#""version":1"#, 1).into_bytes()
    };
    let changes: [Damage; 4] = [
        |_| None,
        |_| Some(Vec::new()),
        |bytes| Some(bytes[..bytes.len() / 2].to_vec()),
        |bytes| Some(vec![0; bytes.len()]),
    ];
    let mut hosts = changes
        .map(|change| {
            damaged(&repository, |files| {
                for file in ["timestamp.json", "snapshot.json"] {
                    let bytes = files.remove(file).unwrap();
                    files.extend(change(&bytes).map(|bytes| (file.to_owned(), bytes)));
                }
            })
        })
        .to_vec();
    // One altered byte is not the mark of rotated keys.
    hosts.push(damaged(&repository, |files| {
        for file in ["timestamp.json", "snapshot.json"] {
            let altered = flipped(&files[file]);
            files.insert(file.to_owned(), altered);
        }
    }));
    // Nor is an altered name of the key that signed.
    let ids = ["timestamp", "snapshot"].map(|role| repository.keys[role][0].public().id());
    hosts.push(damaged(&repository, |files| {
        for (file, id) in ["timestamp.json", "snapshot.json"].into_iter().zip(&ids) {
            let text = String::from_utf8(files[file].clone()).unwrap();
            let other = id.as_str().chars().rev().collect::<String>();
            let altered = text.replace(id.as_str(), &other);
            assert_ne!(text, altered);
            files.insert(file.to_owned(), altered.into_bytes());
        }
    }));
    repository.files = old;
    for mut host in hosts {
        let refused = host.refresh(&repository).unwrap_err();
        assert!(matches!(refused, TrustError::StoreDamaged { .. }), "{refused}");
        // What the hint says mends it: all but the root goes.
        let mut files = host.store.files().clone();
        files.retain(|file, _| file == "root.json");
        host.store = TrustStore::from_files(files, &Limits::default()).unwrap();
        assert!(host.refresh(&repository).is_ok());
    }
}

#[test]
fn a_damaged_root_is_refused_with_the_way_to_a_whole_one() {
    let repository = Repository::new();
    let whole = repository.files.metadata["1.root.json"].clone();
    for damage in [Vec::new(), whole[..whole.len() / 2].to_vec(), b"{}".to_vec()] {
        let files = BTreeMap::from([("root.json".to_owned(), damage)]);
        let refused = TrustStore::from_files(files, &Limits::default()).unwrap_err();
        assert!(matches!(refused, TrustError::StoreDamaged { .. }), "{refused}");
        assert!(refused.hint().contains("to trust/root.json"), "{}", refused.hint());
    }
}

#[test]
fn a_store_without_a_root_is_refused() {
    let refused = TrustStore::from_files(BTreeMap::new(), &Limits::default()).unwrap_err();
    assert!(matches!(refused, TrustError::NoAnchor { .. }));
}

#[test]
fn a_server_fault_on_the_next_root_does_not_end_the_chain() {
    let repository = Repository::new();
    let mut host = repository.host();
    let refused = host.refresh_over(core_and_acme(), &mut |fetch| match fetch.path.as_str() {
        "2.root.json" => Supplied::Unavailable("500 Internal Server Error".to_owned()),
        _ => repository.files.answer(fetch),
    });
    assert!(matches!(refused, Err(TrustError::Unavailable { .. })));
}

#[test]
fn endless_metadata_is_cut_off() {
    let repository = Repository::new();
    for file in ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"] {
        for endless in [Supplied::TooLarge, Supplied::Bytes(vec![b' '; 6 << 20])] {
            let refused = repository.host().refresh_over(core_and_acme(), &mut |fetch| {
                if fetch.path == file { endless.clone() } else { repository.files.answer(fetch) }
            });
            assert!(
                matches!(refused, Err(TrustError::LimitExceeded { .. })),
                "{file}: {refused:?}"
            );
        }
    }
}

#[test]
fn a_supplied_file_that_nobody_asked_for_is_refused() {
    let store = repository_store();
    let mut refresh = newleaf_trust::Refresh::start(
        store,
        Vec::new(),
        Wanted::default(),
        Limits::default(),
        NOW.plus_seconds(HOUR),
    )
    .unwrap();
    assert_eq!(refresh.supply(Supplied::NotFound), Err(TrustError::NotAsked));
}

fn repository_store() -> TrustStore {
    Repository::new().host().store
}

#[test]
fn every_fetch_says_where_the_file_lies() {
    let repository = Repository::new();
    repository
        .host()
        .refresh_over(core_and_acme(), &mut |fetch| {
            assert_eq!(fetch.place, Place::Metadata, "{}", fetch.path);
            repository.files.answer(fetch)
        })
        .unwrap();
}
