//! `publish`, against a registry in memory.

use std::fs;
use std::path::PathBuf;

use newleaf_domain::{Digest, Manifest, Timestamp};
use newleaf_trust::role::{MetadataVersion, TargetsRole, Threshold};
use newleaf_trust::{Authority, KeyPair, Limits, PublicKey, sign_role, verify_role};

use crate::program::{Ran, package, sdk};
use crate::registry::{FakeRegistry, TOKEN};

/// An author with a key and a token, before a registry.
struct Author {
    folder: tempfile::TempDir,
    registry: FakeRegistry,
    key: PublicKey,
}

impl Author {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = sdk(folder.path(), &["--json", "keygen", "--out", "key"]).done().json();
        let key = PublicKey::from_hex(made["public"].as_str().unwrap()).unwrap();
        fs::write(folder.path().join("token"), format!("{TOKEN}\n")).unwrap();
        Self { folder, registry: FakeRegistry::start(), key }
    }

    fn write_package(&self, version: &str) -> PathBuf {
        let path = self.folder.path().join(format!("first-{version}.zip"));
        fs::write(&path, package(version)).unwrap();
        path
    }

    fn publish_with(&self, version: &str, more: &[&str]) -> Ran {
        let package = self.write_package(version);
        let url = self.registry.url();
        let mut arguments = vec!["publish", package.to_str().unwrap(), "--registry", &url];
        arguments.extend(["--key", "key", "--token-file", "token"]);
        arguments.extend(more);
        sdk(self.folder.path(), &arguments)
    }

    fn publish(&self, version: &str) -> Ran {
        self.publish_with(version, &[])
    }

    /// Lets a rival with the author's key be first, `times` times.
    fn rivalled(&self, times: u32) {
        let mut held = self.registry.held();
        held.rival = Some(self.key_pair());
        held.conflicts = times;
    }

    fn key_pair(&self) -> KeyPair {
        let text = fs::read_to_string(self.folder.path().join("key")).unwrap();
        KeyPair::from_file_form(&text).unwrap()
    }

    /// The current role, as hosts would verify it.
    fn role(&self) -> TargetsRole {
        let bytes = self.registry.held().roles["pub.acme.json"].1.clone();
        let authority = Authority::new([self.key], Threshold::ONE);
        let limits = Limits::default();
        verify_role::<TargetsRole>("pub.acme.json", &bytes, &authority, &limits)
            .unwrap()
            .into_inner()
    }
}

#[test]
fn a_release_is_uploaded_and_listed_by_a_role_that_its_author_signed() {
    let author = Author::new();
    let ran = author.publish_with("1.0.0", &["--channel", "beta", "--rollout", "25"]).done();
    assert_eq!(ran.out, "acme/first 1.0.0 is published on beta.\n");

    let role = author.role();
    assert_eq!(role.header.version.get(), 1);
    let listed = role.targets.keys().map(String::as_str).collect::<Vec<_>>();
    let files = ["CHANGELOG.md", "README.md", "first.zip", "icon.svg", "manifest.json"];
    assert_eq!(listed, files.map(|file| format!("apps/acme/first/1.0.0/{file}")));

    let held = author.registry.held();
    for (path, record) in &role.targets {
        let digest = Digest::of(&held.files[path]).to_string();
        assert_eq!(record.hashes["sha256"], digest, "{path}");
    }
    let manifest = &held.files["apps/acme/first/1.0.0/manifest.json"];
    let custom = &role.targets["apps/acme/first/1.0.0/first.zip"].custom;
    assert_eq!(custom["manifest"], Manifest::signed_form(manifest).unwrap());
    assert_eq!(
        (&custom["release"]["channel"], &custom["release"]["rollout"]),
        (&"beta".into(), &25.into())
    );
    assert_eq!(held.namespaces.values().next().unwrap().keys, [author.key]);
}

#[test]
fn the_next_release_is_added_to_the_role() {
    let author = Author::new();
    author.publish("1.0.0").done();
    let report = author.publish_with("1.1.0", &["--json"]).done().json();
    assert_eq!((&report["role_version"], &report["published"]), (&2.into(), &true.into()));
    assert_eq!((author.role().header.version.get(), author.role().targets.len()), (2, 10));
}

#[test]
fn a_role_that_came_too_late_is_signed_again() {
    let author = Author::new();
    author.rivalled(4);
    author.publish("1.0.0").done();
    assert_eq!(author.registry.held().sent, 5);
    assert_eq!(author.role().header.version.get(), 5);
}

#[test]
fn after_five_conflicts_the_author_is_told() {
    let author = Author::new();
    author.rivalled(9);
    let ran = author.publish("1.0.0");
    assert_eq!((ran.code, author.registry.held().sent), (1, 5));
    insta::assert_snapshot!(ran.err, @r"
    state now:  hosts see what they saw before
    failed:     somebody else published first, 5 times in a row
    done:       the files were uploaded; no host can see them
    what to do: run the same command again; stop other programs that publish for this namespace
    ");
}

#[test]
fn a_role_that_is_decided_later_is_waited_for() {
    let author = Author::new();
    author.registry.held().decides_later = true;
    author.publish("1.0.0").done();
    assert_eq!(author.role().header.version.get(), 1);
}

#[test]
fn a_role_that_is_rejected_later_is_told_with_its_reason() {
    let author = Author::new();
    author.registry.held().decides_later = true;
    author.registry.held().rejects = true;
    let ran = author.publish("1.0.0");
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.err.contains("the role breaks a rule of the test"), "{}", ran.err);
}

#[test]
fn an_answer_that_no_registry_gives_is_not_taken_for_one() {
    let author = Author::new();
    author.registry.held().talks_nonsense = true;
    let ran = author.publish("1.0.0");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("with a body that is not understood"), "{}", ran.err);
}

#[test]
fn publishing_twice_changes_nothing() {
    let author = Author::new();
    author.publish("1.0.0").done();
    let ran = author.publish("1.0.0").done();
    assert_eq!(ran.out, "acme/first 1.0.0 was published before; nothing was sent.\n");
    assert_eq!(author.registry.held().sent, 1);
}

#[test]
fn a_current_role_that_another_key_signed_is_not_signed_on() {
    let author = Author::new();
    author.publish("1.0.0").done();
    let thief = KeyPair::generate([3; 32]);
    let mut forged = author.role();
    forged.header.version = MetadataVersion::new(2).unwrap();
    forged.header.expires = Timestamp::from_unix(4_000_000_000);
    let forged = sign_role(&forged, &[&thief]).unwrap();
    author.registry.held().roles.insert("pub.acme.json".to_owned(), (2, forged));
    let ran = author.publish("1.1.0");
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.err.contains("the registry's current role is not yours"), "{}", ran.err);
    assert_eq!(author.registry.held().sent, 1);
}

#[test]
fn a_version_is_never_published_with_other_bytes() {
    let author = Author::new();
    author.publish("1.0.0").done();
    let forged = {
        let mut role = author.role();
        let record = role.targets.get_mut("apps/acme/first/1.0.0/first.zip").unwrap();
        record.hashes.insert("sha256".to_owned(), Digest::of(b"other").to_string());
        role
    };
    let signed = sign_role(&forged, &[&author.key_pair()]).unwrap();
    author.registry.held().roles.insert("pub.acme.json".to_owned(), (1, signed));
    let ran = author.publish("1.0.0");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("a release never changes"), "{}", ran.err);
}

#[test]
fn a_namespace_of_somebody_else_is_left_alone() {
    let author = Author::new();
    author.publish("1.0.0").done();
    let stranger = KeyPair::generate([3; 32]).public();
    author.registry.held().namespaces.values_mut().for_each(|entry| entry.keys = vec![stranger]);
    let ran = author.publish("1.1.0");
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("is not signed for by your key"), "{}", ran.err);
}

#[test]
fn the_registrys_own_words_and_advice_are_shown() {
    let author = Author::new();
    let other = TOKEN.replace("aa", "bb");
    fs::write(author.folder.path().join("token"), other).unwrap();
    let ran = author.publish("1.0.0");
    assert_eq!(ran.code, 3, "{ran:?}");
    insta::assert_snapshot!(ran.err, @r"
    state now:  as before
    failed:     nothing was sent: the registry answered 401: the token is not known
    done:       nothing was changed
    what to do: the registry's own advice
    ");
    let json = author.publish_with("1.0.0", &["--json"]);
    assert_eq!((json.code, &json.json()["exit"]), (3, &3.into()));
}

#[test]
fn a_key_that_others_can_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let author = Author::new();
    let key = author.folder.path().join("key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let ran = author.publish("1.0.0");
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("what to do: chmod 600 key"), "{}", ran.err);
}

#[test]
fn the_public_half_of_a_key_is_not_taken_for_the_key() {
    let author = Author::new();
    let folder = author.folder.path();
    fs::rename(folder.join("key.pub.json"), folder.join("key")).unwrap();
    let ran = author.publish("1.0.0");
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("key holds the public half of a key"), "{}", ran.err);
}

#[test]
fn a_registry_that_is_not_there_is_named() {
    let mut author = Author::new();
    let url = author.registry.url();
    let gone = std::mem::replace(&mut author.registry, FakeRegistry::start());
    drop(gone);
    let package = author.write_package("1.0.0");
    let package = package.to_str().unwrap();
    let ran = sdk(
        author.folder.path(),
        &["publish", package, "--registry", &url, "--key", "key", "--token-file", "token"],
    );
    assert_eq!((ran.code, ran.err.lines().count()), (1, 4), "{ran:?}");
    assert!(ran.err.contains("gave no answer"), "{}", ran.err);
}
