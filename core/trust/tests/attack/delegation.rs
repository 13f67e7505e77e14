//! Who may list what (TUF §5.6.7): scopes, order, terminating roles, hidden and hostile roles.

use newleaf_domain::Target;
use newleaf_trust::error::Missing;
use newleaf_trust::refresh::{Supplied, Wanted};
use newleaf_trust::role::Threshold;
use newleaf_trust::role::targets::Ending;
use newleaf_trust::{TrustError, TrustLevel};
use serde_json::json;

use crate::repository::{
    CORE, NOTES, NOW, Repository, core_and_acme, key, ns, release, threshold, version,
};

const OTHER: &str = "apps/other/clock/1.0.0/clock.zip";

/// A repository with a second author, whose app stands at [`OTHER`].
fn with_other() -> Repository {
    let mut repository = Repository::new();
    repository.claim("other", 22);
    repository.release("pub.other", OTHER);
    repository.publish();
    repository
}

fn both() -> Wanted {
    Wanted::core_and([ns("acme"), ns("other")])
}

#[test]
fn a_publisher_cannot_list_another_ones_path() {
    let mut repository = with_other();
    let stolen = "apps/acme/notes/9.9.9/notes.zip";
    repository.release("pub.other", stolen);
    repository.release("pub.other", "core/community/9.9.9/x86_64-linux-gnu.zip");
    repository.publish();
    let outcome = repository.host().refresh_for(both(), &repository).unwrap();
    assert!(outcome.targets.file(stolen).is_none());
    assert_eq!(outcome.targets.releases(&Target::Core).count(), 1);
    assert!(outcome.targets.file(OTHER).is_some() && outcome.targets.file(NOTES).is_some());
}

#[test]
fn names_that_look_alike_and_paths_of_another_depth_are_not_the_authors() {
    let mut repository = Repository::new();
    for path in [
        "apps/acme-evil/notes/1.0.0/notes.zip",
        "apps/Acme/notes/1.0.0/notes.zip",
        "apps/acme/notes/1.0.0/deep/notes.zip",
        "apps/acme/notes.zip",
    ] {
        repository.release("pub.acme", path);
    }
    repository.publish();
    let wanted = Wanted::core_and([ns("acme"), ns("acme-evil")]);
    let outcome = repository.host().refresh_for(wanted, &repository).unwrap();
    let apps = outcome.targets.files().filter(|file| file.path.starts_with("apps/"));
    assert_eq!(apps.map(|file| file.path.as_str()).collect::<Vec<_>>(), [NOTES]);
    assert!(matches!(
        outcome.targets.failures[&ns("acme-evil")],
        TrustError::MissingRole { why: Missing::NotDelegated, .. }
    ));
}

#[test]
fn a_core_release_signed_by_an_apps_key_is_refused() {
    let mut repository = Repository::new();
    repository.keys.insert("core".to_owned(), vec![key(21)]);
    repository.edit("core", |_| ());
    repository.publish();
    let outcome = repository.host().refresh(&repository).unwrap();
    let failure = outcome.targets.failure_of(&Target::Core);
    assert!(matches!(failure, Some(TrustError::WrongKey { .. })), "{failure:?}");
    assert!(outcome.targets.file(CORE).is_none());
    assert!(outcome.targets.file(NOTES).is_some());
}

#[test]
fn a_terminating_role_that_lists_nothing_ends_the_search() {
    let mut repository = Repository::new();
    // `acme` is claimed; `fresh` offers it too, with another key and another release.
    repository.keys.insert("pub.acme".to_owned(), vec![key(21)]);
    repository.delegate("fresh", "pub.acme", &[key(66).public()], &["apps/acme/*/*/*"]);
    let evil = "apps/acme/notes/9.0.0/notes.zip";
    repository.release("fresh", evil);
    repository.publish();
    let mut host = repository.host();
    let outcome = host.refresh(&repository).unwrap();
    assert!(outcome.targets.file(evil).is_none());
    assert_eq!(outcome.targets.signers[&ns("acme")].level, TrustLevel::Claimed);
    assert!(!host.log.iter().any(|path| path.contains("fresh")));
}

#[test]
fn fresh_does_not_answer_when_the_snapshot_hides_claimed() {
    // A thief of every online key, facing a host that has seen nothing yet.
    let mut repository = Repository::new();
    repository.keys.insert("pub.acme".to_owned(), vec![key(66)]);
    repository.delegate("fresh", "pub.acme", &[key(66).public()], &["apps/acme/*/*/*"]);
    repository.edit("pub.acme", |_| ());
    repository.publish();
    let mut snapshot = repository.snapshot_of_roles();
    snapshot.meta.remove("claimed.json");
    repository.publish_snapshot(&snapshot);
    let outcome = repository.host().refresh(&repository).unwrap();
    assert!(outcome.targets.file(NOTES).is_none());
    let failure = &outcome.targets.failures[&ns("acme")];
    let hidden =
        TrustError::MissingRole { role: "claimed".to_owned(), why: Missing::NotInSnapshot };
    assert_eq!(failure, &hidden);
}

#[test]
fn fresh_does_not_answer_when_claimed_is_expired_garbage_or_gone() {
    for fault in ["expired", "garbage", "gone"] {
        let mut repository = Repository::new();
        repository.introduce("fresh", "other", 40);
        repository.release("pub.other", OTHER);
        if fault == "expired" {
            repository.edit("claimed", |role| role.header.expires = NOW);
        }
        repository.publish();
        let file = repository.file_of("claimed");
        let outcome = repository.host().refresh_over(both(), &mut |fetch| match fault {
            "garbage" if fetch.path == file => Supplied::Bytes(b"garbage".to_vec()),
            "gone" if fetch.path == file => Supplied::NotFound,
            _ => repository.files.answer(fetch),
        });
        let targets = outcome.unwrap().targets;
        assert!(targets.failures.contains_key(&ns("other")), "{fault}");
        assert!(targets.file(OTHER).is_none(), "{fault}");
        assert!(targets.file(CORE).is_some(), "{fault}");
    }
}

#[test]
fn another_publishers_fault_does_not_stop_ours() {
    let faults: [(&str, Supplied); 4] = [
        ("garbage", Supplied::Bytes(b"garbage".to_vec())),
        ("404", Supplied::NotFound),
        ("oversize", Supplied::TooLarge),
        ("503", Supplied::Unavailable("503 Service Unavailable".to_owned())),
    ];
    for (fault, answer) in faults {
        let repository = with_other();
        let file = repository.file_of("pub.other");
        let mut host = repository.host();
        let outcome = host.refresh_over(both(), &mut |fetch| {
            if fetch.path == file { answer.clone() } else { repository.files.answer(fetch) }
        });
        let targets = outcome.unwrap().targets;
        assert!(targets.file(NOTES).is_some(), "{fault}");
        assert!(targets.failures.contains_key(&ns("other")), "{fault}");
        assert!(targets.file(OTHER).is_none(), "{fault}");
        // Once it is mended, the namespace is back.
        let mended = host.refresh_for(both(), &repository).unwrap();
        assert!(mended.targets.file(OTHER).is_some(), "{fault}");
    }
}

#[test]
fn another_publishers_expired_or_ill_signed_role_does_not_stop_ours() {
    let mut expired = with_other();
    expired.edit("pub.other", |role| role.header.expires = NOW);
    expired.publish();
    let mut stolen = with_other();
    stolen.keys.insert("pub.other".to_owned(), vec![key(23)]);
    stolen.edit("pub.other", |_| ());
    stolen.publish();
    for repository in [expired, stolen] {
        let outcome = repository.host().refresh_for(both(), &repository).unwrap();
        assert!(outcome.targets.file(NOTES).is_some());
        let failure = &outcome.targets.failures[&ns("other")];
        let known = matches!(failure, TrustError::Expired { .. } | TrustError::WrongKey { .. });
        assert!(known, "{failure}");
    }
}

#[test]
fn a_role_signed_below_its_threshold_is_refused_and_one_at_it_accepted() {
    let mut repository = Repository::new();
    let keys = [key(21).public(), key(31).public()];
    let paths = ["apps/acme/*/*/*"];
    repository.delegate_by_threshold("claimed", "pub.acme", &keys, threshold(2), &paths);
    repository.publish();
    let outcome = repository.host().refresh(&repository).unwrap();
    let failure = &outcome.targets.failures[&ns("acme")];
    assert!(matches!(failure, TrustError::ThresholdNotMet { valid: 1, .. }), "{failure}");
    repository.keys.insert("pub.acme".to_owned(), vec![key(21), key(31)]);
    repository.edit("pub.acme", |_| ());
    repository.publish();
    let outcome = repository.host().refresh(&repository).unwrap();
    assert!(outcome.targets.file(NOTES).is_some());
}

#[test]
fn a_cycle_of_delegations_ends() {
    let mut repository = Repository::new();
    let author = [key(21).public()];
    repository.keys.insert("ci".to_owned(), vec![key(21)]);
    let role = newleaf_trust::role::TargetsRole::new(version(1), NOW.plus_seconds(1000));
    repository.roles.insert("ci".to_owned(), role);
    repository.delegate("pub.acme", "ci", &author, &["apps/acme/*/*/*"]);
    repository.delegate("ci", "pub.acme", &author, &["apps/acme/*/*/*"]);
    repository.publish();
    let outcome = repository.host().refresh(&repository).unwrap();
    assert!(outcome.targets.file(NOTES).is_some());
}

#[test]
fn an_author_may_delegate_to_a_ci_key() {
    let mut repository = Repository::new();
    repository.keys.insert("acme-ci".to_owned(), vec![key(50)]);
    let role = newleaf_trust::role::TargetsRole::new(version(1), NOW.plus_seconds(1000));
    repository.roles.insert("acme-ci".to_owned(), role);
    repository.delegate("pub.acme", "acme-ci", &[key(50).public()], &["apps/acme/notes/*/*"]);
    let nightly = "apps/acme/notes/1.1.0-nightly.1/notes.zip";
    repository.release("acme-ci", nightly);
    repository.release("acme-ci", "apps/acme/other/1.0.0/other.zip");
    repository.publish();
    let outcome = repository.host().refresh(&repository).unwrap();
    let file = outcome.targets.file(nightly).unwrap();
    assert_eq!(file.signer.role, "acme-ci");
    assert_eq!(file.signer.namespace, Some(ns("acme")));
    assert_eq!(file.signer.level, TrustLevel::Claimed);
    assert!(outcome.targets.file("apps/acme/other/1.0.0/other.zip").is_none());
}

#[test]
fn delegations_deeper_than_allowed_end_the_search() {
    let mut repository = Repository::new();
    let mut above = "pub.acme".to_owned();
    for depth in 0..4 {
        let name = format!("deep{depth}");
        repository.keys.insert(name.clone(), vec![key(50)]);
        let role = newleaf_trust::role::TargetsRole::new(version(1), NOW.plus_seconds(1000));
        repository.roles.insert(name.clone(), role);
        repository.delegate(&above, &name, &[key(50).public()], &["apps/acme/*/*/*"]);
        above = name;
    }
    repository.publish();
    let outcome = repository.host().refresh(&repository).unwrap();
    let failure = &outcome.targets.failures[&ns("acme")];
    assert!(matches!(failure, TrustError::LimitExceeded { .. }), "{failure}");
}

#[test]
fn a_thousand_siblings_hit_the_visit_cap() {
    let mut repository = Repository::new();
    let mut claimed = repository.roles["claimed"].clone();
    let many = claimed.delegations.take().unwrap();
    for number in 0..1000 {
        let name = format!("sibling{number}");
        repository.keys.insert(name.clone(), vec![key(50)]);
        let role = newleaf_trust::role::TargetsRole::new(version(1), NOW.plus_seconds(1000));
        repository.roles.insert(name.clone(), role);
        let (keys, paths) = ([key(50).public()], ["apps/acme/*/*/*"]);
        claimed =
            claimed.with_delegation(&name, &keys, Threshold::ONE, &paths, Ending::FallsThrough);
    }
    let list = claimed.delegations.as_mut().unwrap();
    list.roles.extend(many.roles);
    list.keys.extend(many.keys);
    repository.edit("claimed", |role| *role = claimed);
    repository.publish();
    let mut host = repository.host();
    let outcome = host.refresh(&repository).unwrap();
    let failure = &outcome.targets.failures[&ns("acme")];
    assert!(matches!(failure, TrustError::LimitExceeded { .. }), "{failure}");
    assert!(host.log.len() < 30, "{} requests", host.log.len());
    assert!(outcome.targets.file(CORE).is_some());
}

#[test]
fn one_file_reached_by_two_delegations_is_judged_by_the_keys_of_each() {
    // `core` and `claimed` both delegate to `shared`; only the keys in `core` have signed it.
    let mut repository = Repository::new();
    repository.keys.insert("pub.shared".to_owned(), vec![key(60)]);
    let role = newleaf_trust::role::TargetsRole::new(version(1), NOW.plus_seconds(1000));
    repository.roles.insert("pub.shared".to_owned(), role);
    let app = "apps/shared/clock/1.0.0/clock.zip";
    repository.release("pub.shared", app);
    repository.delegate("core", "pub.shared", &[key(60).public()], &["core/*/*/*"]);
    repository.delegate("claimed", "pub.shared", &[key(61).public()], &["apps/shared/*/*/*"]);
    repository.publish();
    let wanted = Wanted::core_and([ns("shared")]);
    let outcome = repository.host().refresh_for(wanted, &repository).unwrap();
    assert!(outcome.targets.role_failures.is_empty(), "{:?}", outcome.targets.role_failures);
    let failure = &outcome.targets.failures[&ns("shared")];
    assert!(matches!(failure, TrustError::WrongKey { .. }), "{failure}");
    assert!(outcome.targets.file(app).is_none());
}

#[test]
fn roles_named_like_top_roles_or_paths_are_refused() {
    for name in ["timestamp", "root", "../x", "a/b", "con"] {
        let mut repository = Repository::new();
        let mut claimed = repository.roles["claimed"].clone();
        claimed = claimed.with_delegation(
            name,
            &[key(50).public()],
            Threshold::ONE,
            &["apps/acme/*/*/*"],
            Ending::Terminating,
        );
        repository.edit("claimed", |role| *role = claimed);
        repository.publish();
        let outcome = repository.host().refresh(&repository).unwrap();
        let failure = &outcome.targets.failures[&ns("acme")];
        assert!(matches!(failure, TrustError::Malformed { .. }), "{name}: {failure}");
    }
}

#[test]
fn a_revoked_delegation_takes_effect_at_once() {
    let mut repository = Repository::new();
    let mut host = repository.host();
    host.refresh(&repository).unwrap();
    repository.edit("claimed", |role| role.delegations = None);
    repository.publish();
    let outcome = host.refresh(&repository).unwrap();
    assert!(outcome.targets.file(NOTES).is_none());
    assert!(outcome.targets.failures.contains_key(&ns("acme")));
}

#[test]
fn a_delegation_by_hashed_paths_is_refused_not_ignored() {
    let mut repository = Repository::new();
    let mut file: serde_json::Value = serde_json::to_value(&repository.roles["claimed"]).unwrap();
    file["version"] = json!(2);
    let entry = file["delegations"]["roles"][0].as_object_mut().unwrap();
    entry.remove("paths");
    entry.insert("path_hash_prefixes".to_owned(), json!(["00"]));
    let bytes = newleaf_trust::sign_role(&file, &[&key(15)]).unwrap();
    repository.put("2.claimed.json", bytes.clone());
    let pin = newleaf_trust::role::MetaFile::of(version(2), &bytes);
    let snapshot = repository.snapshot_of_roles().with_role("claimed", pin);
    repository.publish_snapshot(&snapshot);
    let outcome = repository.host().refresh(&repository).unwrap();
    assert!(matches!(outcome.targets.failures[&ns("acme")], TrustError::Malformed { .. }));
}

#[test]
fn an_introducer_cannot_list_an_app_itself() {
    let mut repository = Repository::new();
    repository.introduce("fresh", "newcomer", 40);
    repository.release("fresh", "apps/newcomer/clock/9.0.0/clock.zip");
    repository.publish();
    let wanted = Wanted::core_and([ns("newcomer")]);
    let outcome = repository.host().refresh_for(wanted, &repository).unwrap();
    let failure = &outcome.targets.failures[&ns("newcomer")];
    assert!(matches!(failure, TrustError::OutOfScope { .. }), "{failure}");
}

#[test]
fn a_role_of_another_namespace_cannot_answer_for_one() {
    let mut repository = Repository::new();
    repository.keys.insert("pub.impostor".to_owned(), vec![key(40)]);
    let role = newleaf_trust::role::TargetsRole::new(version(1), NOW.plus_seconds(1000));
    repository.roles.insert("pub.impostor".to_owned(), role);
    repository.release("pub.impostor", "apps/victim/clock/1.0.0/clock.zip");
    repository.delegate("fresh", "pub.impostor", &[key(40).public()], &["apps/victim/*/*/*"]);
    repository.publish();
    let wanted = Wanted::core_and([ns("victim")]);
    let outcome = repository.host().refresh_for(wanted, &repository).unwrap();
    assert!(outcome.targets.failures.contains_key(&ns("victim")));
    assert!(outcome.targets.file("apps/victim/clock/1.0.0/clock.zip").is_none());
}

#[test]
fn a_target_longer_than_any_may_be_is_refused() {
    let mut repository = Repository::new();
    let mut huge = release("acme/notes", "2.0.0", b"");
    huge.length = newleaf_domain::ByteSize::mib(65);
    let path = "apps/acme/notes/2.0.0/notes.zip";
    repository.edit("pub.acme", |role| role.targets.insert(path.to_owned(), huge));
    repository.publish();
    let outcome = repository.host().refresh_for(core_and_acme(), &repository).unwrap();
    assert!(matches!(outcome.targets.failures[&ns("acme")], TrustError::LimitExceeded { .. }));
}

/// Adds a role that `by` delegates `paths` to; it is signed by one key of its own.
fn add_role(repository: &mut Repository, by: &str, name: &str, paths: &str, ending: Ending) {
    repository.keys.insert(name.to_owned(), vec![key(50)]);
    let role = newleaf_trust::role::TargetsRole::new(version(1), NOW.plus_seconds(1000));
    repository.roles.insert(name.to_owned(), role);
    let body = repository.roles[by].clone();
    let body = body.with_delegation(name, &[key(50).public()], Threshold::ONE, &[paths], ending);
    repository.edit(by, |old| *old = body);
}

#[test]
fn a_terminating_role_over_part_of_the_paths_ends_the_search_for_those_only() {
    let mut repository = Repository::new();
    add_role(&mut repository, "pub.acme", "ci-a", "apps/acme/notes/*/*", Ending::Terminating);
    add_role(&mut repository, "pub.acme", "ci-b", "apps/acme/*/*/*", Ending::FallsThrough);
    let (hidden, shown) = ("apps/acme/notes/9.0.0/notes.zip", "apps/acme/clock/1.0.0/clock.zip");
    repository.release("ci-b", hidden);
    repository.release("ci-b", shown);
    repository.publish();
    let targets = repository.host().refresh(&repository).unwrap().targets;
    assert!(targets.file(hidden).is_none() && targets.file(shown).is_some());
}

#[test]
fn a_terminating_role_ends_nothing_beyond_its_delegators_paths() {
    let mut repository = Repository::new();
    add_role(&mut repository, "pub.acme", "ci-a", "apps/acme/notes/*/*", Ending::FallsThrough);
    add_role(&mut repository, "ci-a", "ci-c", "apps/acme/*/*/*", Ending::Terminating);
    add_role(&mut repository, "pub.acme", "ci-b", "apps/acme/*/*/*", Ending::FallsThrough);
    let shown = "apps/acme/clock/1.0.0/clock.zip";
    repository.release("ci-b", shown);
    repository.publish();
    let targets = repository.host().refresh(&repository).unwrap().targets;
    assert!(targets.file(shown).is_some());
}

#[test]
fn fresh_cannot_raise_an_author_by_naming_a_role_of_its_own_claimed() {
    let mut repository = Repository::new();
    add_role(&mut repository, "fresh", "claimed-x", "apps/*/*/*/*", Ending::FallsThrough);
    repository.introduce("claimed-x", "solo", 40);
    repository.publish();
    let wanted = Wanted::core_and([ns("solo")]);
    let outcome = repository.host().refresh_for(wanted, &repository).unwrap();
    assert_eq!(outcome.targets.signers[&ns("solo")].level, TrustLevel::Fresh);
}

#[test]
fn delegations_as_deep_as_allowed_are_followed() {
    let mut repository = Repository::new();
    add_role(&mut repository, "pub.acme", "third", "apps/acme/*/*/*", Ending::Terminating);
    add_role(&mut repository, "third", "fourth", "apps/acme/*/*/*", Ending::Terminating);
    repository.publish();
    repository.host().refresh(&repository).unwrap().targets.file(NOTES).unwrap();
    add_role(&mut repository, "fourth", "fifth", "apps/acme/*/*/*", Ending::Terminating);
    repository.publish();
    let outcome = repository.host().refresh(&repository).unwrap();
    let failure = &outcome.targets.failures[&ns("acme")];
    assert!(matches!(failure, TrustError::LimitExceeded { .. }), "{failure}");
}

#[test]
fn a_path_that_leaves_its_folder_spoils_its_role() {
    let mut repository = Repository::new();
    repository.release("pub.acme", "apps/acme/notes/../notes.zip");
    repository.publish();
    let outcome = repository.host().refresh(&repository).unwrap();
    assert!(matches!(outcome.targets.failures[&ns("acme")], TrustError::Malformed { .. }));
    assert_eq!(outcome.targets.apps().len(), 0);
}

#[test]
fn a_delegated_role_of_another_version_or_digest_than_pinned_is_refused() {
    // A signer signed version 2 twice; the snapshot pins one, a mirror serves the other.
    let mut repository = Repository::new();
    repository.release("pub.acme", "apps/acme/notes/1.1.0/notes.zip");
    repository.publish();
    let mut twin = repository.roles["pub.acme"].clone();
    twin.targets.clear();
    let other = crate::repository::signed(&twin, &repository.keys["pub.acme"]);
    repository.put("2.pub.acme.json", other);
    let outcome = repository.host().refresh(&repository).unwrap();
    let failure = &outcome.targets.failures[&ns("acme")];
    let differs =
        matches!(failure, TrustError::LengthMismatch { .. } | TrustError::DigestMismatch { .. });
    assert!(differs, "{failure}");
    // Pinned by version alone, version 1 in the place of version 2.
    let first = repository.files.metadata["1.pub.acme.json"].clone();
    repository.put("2.pub.acme.json", first);
    let pin = newleaf_trust::role::MetaFile::version_only(version(2));
    let snapshot = repository.snapshot_of_roles().with_role("pub.acme", pin);
    repository.publish_snapshot(&snapshot);
    let outcome = repository.host().refresh(&repository).unwrap();
    let failure = &outcome.targets.failures[&ns("acme")];
    assert!(matches!(failure, TrustError::WrongVersion { .. }), "{failure}");
}

#[test]
fn a_role_that_delegates_to_one_name_twice_is_refused() {
    let mut repository = Repository::new();
    repository.edit("claimed", |role| {
        let list = role.delegations.as_mut().unwrap();
        list.roles.push(list.roles[0].clone());
    });
    repository.publish();
    let outcome = repository.host().refresh(&repository).unwrap();
    assert!(matches!(outcome.targets.failures[&ns("acme")], TrustError::Malformed { .. }));
}
