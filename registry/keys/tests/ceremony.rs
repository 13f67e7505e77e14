//! The ceremony from end to end: files on disk, real packages, and a host that believes the result.

use std::io::Cursor;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use newleaf_domain::{Channel, Namespace, Target, Timestamp, Version};
use newleaf_keys::{
    KeysError, Offer, OnlineKeys, Quorum, Quorums, SignedRole, Source, claim, core_sign, cosign,
    create, find_offline_keys, init_repository, new_pair, offline_keys, renew, renew_root,
};
use newleaf_package::{Limits as PackageLimits, PackageWriter};
use newleaf_trust::layout::{self, Lifetime};
use newleaf_trust::refresh::{MemoryRepository, Wanted, refresh_from_memory};
use newleaf_trust::role::{
    MetaFile, MetadataVersion, RootRole, Signed, SnapshotRole, TargetRecord, TargetsRole,
    Threshold, TimestampRole,
};
use newleaf_trust::{
    KeyPair, Limits, RefreshOutcome, TrustError, TrustLevel, TrustStore, sign_role,
};
use tempfile::TempDir;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
const PLATFORM: &str = "x86_64-linux-gnu";

/// The online half: what the registry would hold and sign.
struct Online {
    timestamp: KeyPair,
    snapshot: KeyPair,
    denying: KeyPair,
    fresh: KeyPair,
}

impl Online {
    fn new() -> Self {
        let pair = || new_pair().expect("random bytes");
        Self { timestamp: pair(), snapshot: pair(), denying: pair(), fresh: pair() }
    }

    fn public(&self) -> OnlineKeys {
        OnlineKeys {
            timestamp: self.timestamp.public(),
            snapshot: self.snapshot.public(),
            advisories: self.denying.public(),
            catalogue: self.denying.public(),
            fresh: self.fresh.public(),
        }
    }

    /// Signs the online roles over the offline ones and publishes all of them.
    fn publish(&self, offline: &[(&str, u64, &[u8])]) -> MemoryRepository {
        let first = MetadataVersion::FIRST;
        let empty = TargetsRole::new(first, NOW.plus_seconds(Lifetime::ONLINE));
        let sign_empty = |key: &KeyPair| sign_role(&empty, &[key]).expect("canonical");
        let online = [
            ("advisories", 1, sign_empty(&self.denying)),
            ("catalogue", 1, sign_empty(&self.denying)),
            ("fresh", 1, sign_empty(&self.fresh)),
        ];
        let mut repository = MemoryRepository::default();
        let mut snapshot = SnapshotRole::new(first, NOW.plus_seconds(Lifetime::SNAPSHOT), NOW);
        let borrowed =
            online.iter().map(|(role, number, bytes)| (*role, *number, bytes.as_slice()));
        for (role, number, bytes) in borrowed.chain(offline.iter().copied()) {
            let number = MetadataVersion::new(number).expect("not zero");
            let file = layout::versioned_file(number, role);
            repository.metadata.insert(file, bytes.to_vec());
            if role != "root" {
                snapshot = snapshot.with_role(role, MetaFile::of(number, bytes));
            }
        }
        let snapshot = sign_role(&snapshot, &[&self.snapshot]).expect("canonical");
        let pin = MetaFile::of(first, &snapshot);
        let timestamp = TimestampRole::new(first, NOW.plus_seconds(Lifetime::TIMESTAMP), NOW, pin);
        let timestamp = sign_role(&timestamp, &[&self.timestamp]).expect("canonical");
        repository.metadata.insert("1.snapshot.json".to_owned(), snapshot);
        repository.metadata.insert("timestamp.json".to_owned(), timestamp);
        repository
    }
}

/// A ceremony that was held, in a folder of its own.
struct Held {
    folder: TempDir,
    online: Online,
    roles: newleaf_keys::FirstRoles,
}

impl Held {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let online = Online::new();
        create(&folder.path().join("K"), &Quorums::default()).expect("keys");
        let roles = init_repository(&folder.path().join("K"), &online.public(), NOW);
        Self { folder, online, roles: roles.expect("first roles") }
    }

    fn keys(&self) -> PathBuf {
        self.folder.path().join("K")
    }

    /// A core package on disk, called `<platform>.zip`.
    fn package(&self, version: &str, platform: &str, changelog: &str) -> PathBuf {
        let folder = self.folder.path().join(version).join(changelog);
        std::fs::create_dir_all(&folder).expect("a folder");
        let manifest =
            format!(r#"{{"id":"core","version":"{version}","name":"Sample","summary":"A core."}}"#);
        package(&folder.join(format!("{platform}.zip")), &manifest, changelog)
    }

    fn host(&self, wanted: Wanted, repository: &MemoryRepository) -> RefreshOutcome {
        let limits = Limits::default();
        let store = TrustStore::from_root(&self.roles.root, &limits).expect("the first root");
        refresh_from_memory(store, Vec::new(), wanted, limits, NOW, repository)
            .expect("a good repository")
            .1
    }
}

fn package(path: &Path, manifest: &str, changelog: &str) -> PathBuf {
    let mut writer =
        PackageWriter::new(manifest.as_bytes().to_vec(), PackageLimits::core()).expect("a writer");
    writer.add_bytes("CHANGELOG.md", changelog.as_bytes().to_vec()).expect("a text");
    writer.add_bytes("bin/newleaf", b"not really a binary".to_vec()).expect("a member");
    let mut bytes = Cursor::new(Vec::new());
    writer.write(&mut bytes).expect("a package");
    std::fs::write(path, bytes.into_inner()).expect("a file");
    path.to_owned()
}

fn body<T: newleaf_trust::role::RoleBody>(file: &[u8]) -> T {
    Signed::<T>::parse("role.json", file, &Limits::default()).expect("a role").body
}

#[test]
fn the_first_roles_are_believed_by_a_host() {
    let held = Held::new();
    let roles = &held.roles;
    let repository = held.online.publish(&[
        ("root", 1, &roles.root),
        ("targets", 1, &roles.targets),
        ("core", 1, &roles.core),
        ("claimed", 1, &roles.claimed),
    ]);
    let outcome = held.host(Wanted::everything(), &repository);
    assert!(outcome.targets.role_failures.is_empty(), "{:?}", outcome.targets.role_failures);
    assert!(outcome.targets.advisories().is_ok());
    assert_eq!(outcome.freshness.root_expires, NOW.plus_seconds(Lifetime::ROOT));
    let top: TargetsRole = body(&roles.targets);
    let delegations = top.delegations.unwrap().roles;
    let order = delegations.iter().map(|role| role.name.as_str()).collect::<Vec<_>>();
    assert_eq!(order, ["core", "advisories", "catalogue", "claimed", "fresh"]);
}

#[test]
fn key_files_are_private_and_never_overwritten() {
    let held = Held::new();
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(held.keys()), 0o700);
    for file in ["root-1.key", "root-2.key", "root-3.key", "targets-1.key", "core-1.key"] {
        assert_eq!(mode(held.keys().join(file)), 0o600, "{file}");
    }
    let before = std::fs::read(held.keys().join("root-1.key")).unwrap();
    let again = create(&held.keys(), &Quorums::default());
    assert!(matches!(again, Err(KeysError::AlreadyThere { .. })), "{again:?}");
    assert_eq!(std::fs::read(held.keys().join("root-1.key")).unwrap(), before);
    let public = std::fs::read_to_string(held.keys().join("ceremony.json")).unwrap();
    assert!(!public.contains("private"));
}

#[test]
fn a_core_release_reaches_a_host_with_its_texts() {
    let held = Held::new();
    let packages = [
        held.package("1.1.0", PLATFORM, "Faster."),
        held.package("1.1.0", "aarch64-linux-gnu", "Faster."),
    ];
    let offer = Offer {
        channel: Channel::Beta,
        rollout: 50,
        floor: Some(Version::parse("1.0.5").unwrap()),
    };
    let release = core_sign(&held.keys(), &held.roles.core, &packages, &offer, NOW).unwrap();
    assert!(release.role.is_complete());
    let paths = release.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>();
    insta::assert_snapshot!(paths.join("\n"), @r"
    core/community/1.1.0/CHANGELOG.md
    core/community/1.1.0/aarch64-linux-gnu.json
    core/community/1.1.0/aarch64-linux-gnu.zip
    core/community/1.1.0/x86_64-linux-gnu.json
    core/community/1.1.0/x86_64-linux-gnu.zip
    ");
    let roles = &held.roles;
    let repository = held.online.publish(&[
        ("root", 1, &roles.root),
        ("targets", 1, &roles.targets),
        ("core", 2, &release.role.file),
        ("claimed", 1, &roles.claimed),
    ]);
    let outcome = held.host(Wanted::core_and([]), &repository);
    assert_eq!(outcome.targets.releases(&Target::Core).count(), 2);
    let path = format!("core/community/1.1.0/{PLATFORM}.zip");
    let file = outcome.targets.file(&path).unwrap();
    assert_eq!(file.manifest().unwrap().version.as_str(), "1.1.0");
    assert!(file.signed_manifest().get("name").is_none());
    let stated = file.release().unwrap();
    assert_eq!((stated.channel, stated.rollout, stated.published), (Channel::Beta, 50, NOW));
    assert_eq!(stated.floor.unwrap().as_str(), "1.0.5");
    let manifest = outcome.targets.beside(file, &format!("{PLATFORM}.json")).unwrap();
    let source = release.files.iter().find(|other| other.path == manifest.path).unwrap();
    let Source::Bytes(bytes) = &source.source else { panic!("a text is given as bytes") };
    assert_eq!(newleaf_domain::Digest::of(bytes), manifest.sha256);
    assert!(String::from_utf8_lossy(bytes).contains("Sample"));
    assert!(outcome.targets.beside(file, "CHANGELOG.md").is_some());
}

#[test]
fn a_released_path_never_changes() {
    let held = Held::new();
    let first = [held.package("1.1.0", PLATFORM, "Faster.")];
    let offer = Offer::default();
    let release = core_sign(&held.keys(), &held.roles.core, &first, &offer, NOW).unwrap();
    let same = core_sign(&held.keys(), &release.role.file, &first, &offer, NOW).unwrap();
    assert_eq!(body::<TargetsRole>(&same.role.file).targets.len(), 3);
    let other = [held.package("1.1.0", PLATFORM, "Slower.")];
    let refused = core_sign(&held.keys(), &release.role.file, &other, &offer, NOW);
    assert!(matches!(refused, Err(KeysError::Released { .. })), "{refused:?}");
}

#[test]
fn platforms_with_different_texts_are_refused() {
    let held = Held::new();
    let packages = [
        held.package("1.1.0", PLATFORM, "Faster."),
        held.package("1.1.0", "aarch64-linux-gnu", "Slower."),
    ];
    let refused = core_sign(&held.keys(), &held.roles.core, &packages, &Offer::default(), NOW);
    assert!(matches!(refused, Err(KeysError::TextsDiffer { .. })), "{refused:?}");
}

#[test]
fn files_that_are_no_core_packages_are_refused() {
    let held = Held::new();
    let folder = held.folder.path();
    let app = package(
        &folder.join(format!("{PLATFORM}.zip")),
        r#"{"id":"acme/notes","version":"1.0.0"}"#,
        "x",
    );
    let unnamed =
        package(&folder.join("Sample Core.zip"), r#"{"id":"core","version":"1.0.0"}"#, "x");
    for path in [app, unnamed] {
        let refused = core_sign(&held.keys(), &held.roles.core, &[path], &Offer::default(), NOW);
        assert!(matches!(refused, Err(KeysError::NotCore { .. })), "{refused:?}");
    }
    let nobodys =
        package(&folder.join("x86_64-linux.zip"), r#"{"id":"core","version":"1.0.0"}"#, "x");
    let refused = core_sign(&held.keys(), &held.roles.core, &[nobodys], &Offer::default(), NOW);
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("no host asks for the platform x86_64-linux;"), "{refused}");
    assert!(refused.contains(" x86_64-linux-gnu.zip, aarch64-linux-gnu.zip,"), "{refused}");
    let garbage = folder.join("aarch64-linux-gnu.zip");
    std::fs::write(&garbage, b"garbage").unwrap();
    let refused = core_sign(&held.keys(), &held.roles.core, &[garbage], &Offer::default(), NOW);
    assert!(matches!(refused, Err(KeysError::Package { .. })), "{refused:?}");
}

#[test]
fn a_role_that_the_ceremony_did_not_sign_is_not_continued() {
    let held = Held::new();
    let evil = TargetsRole::new(MetadataVersion::FIRST, NOW.plus_seconds(Lifetime::OFFLINE))
        .with_target(format!("core/community/9.9.9/{PLATFORM}.zip"), TargetRecord::of(b"evil"));
    let forged = sign_role(&evil, &[&new_pair().unwrap()]).unwrap();
    let packages = [held.package("1.1.0", PLATFORM, "Faster.")];
    let refused = core_sign(&held.keys(), &forged, &packages, &Offer::default(), NOW);
    let Err(KeysError::Current { source, .. }) = refused else { panic!("{refused:?}") };
    assert!(matches!(source, TrustError::WrongKey { .. }), "{source}");
}

#[test]
fn a_claimed_author_is_believed_as_claimed() {
    let held = Held::new();
    let (author, acme) = (new_pair().unwrap(), Namespace::parse("acme").unwrap());
    let keys = [author.public()];
    let claimed =
        claim(&held.keys(), &held.roles.claimed, &acme, &keys, Threshold::ONE, NOW).unwrap();
    let path = "apps/acme/notes/1.0.0/notes.zip";
    let role = TargetsRole::new(MetadataVersion::FIRST, NOW.plus_seconds(Lifetime::OFFLINE))
        .with_target(path, TargetRecord::of(b"notes"));
    let role = sign_role(&role, &[&author]).unwrap();
    let roles = &held.roles;
    let repository = held.online.publish(&[
        ("root", 1, &roles.root),
        ("targets", 1, &roles.targets),
        ("core", 1, &roles.core),
        ("claimed", 2, &claimed.file),
        ("pub.acme", 1, &role),
    ]);
    let outcome = held.host(Wanted::core_and([acme.clone()]), &repository);
    assert_eq!(outcome.targets.signers[&acme].level, TrustLevel::Claimed);
    assert!(outcome.targets.file(path).is_some());
    let two = Threshold::new(2).unwrap();
    let refused = claim(&held.keys(), &roles.claimed, &acme, &keys, two, NOW);
    assert!(matches!(refused, Err(KeysError::Quorum { .. })), "{refused:?}");
}

#[test]
fn holders_of_one_key_each_reach_the_threshold_together() {
    let folder = tempfile::tempdir().unwrap();
    let (all, first, second) =
        (folder.path().join("K"), folder.path().join("1"), folder.path().join("2"));
    let core = Quorum { keys: 2, threshold: 2 };
    create(&all, &Quorums { core, ..Quorums::default() }).unwrap();
    let roles = init_repository(&all, &Online::new().public(), NOW).unwrap();
    for (holder, key) in [(&first, "core-1.key"), (&second, "core-2.key")] {
        std::fs::create_dir(holder).unwrap();
        for file in ["ceremony.json", key] {
            std::fs::copy(all.join(file), holder.join(file)).unwrap();
        }
    }
    let draft = renew(&first, "core", &roles.core, NOW).unwrap();
    assert_eq!((draft.signatures, draft.is_complete()), (1, false));
    let complete = cosign::<TargetsRole>(&second, "core", &draft.file).unwrap();
    assert_eq!((complete.signatures, complete.is_complete()), (2, true));
    renew(&first, "core", &complete.file, NOW).unwrap();
    let refused = renew(&first, "core", &draft.file, NOW);
    assert!(matches!(refused, Err(KeysError::Current { .. })), "{refused:?}");
    let absent = renew(&first, "targets", &roles.targets, NOW);
    assert!(matches!(absent, Err(KeysError::NoKey { .. })), "{absent:?}");
}

#[test]
fn renewed_roles_say_the_same_for_longer() {
    let held = Held::new();
    let later = NOW.plus_seconds(Lifetime::OFFLINE / 2);
    let renewed: SignedRole = renew(&held.keys(), "targets", &held.roles.targets, later).unwrap();
    let (old, new): (TargetsRole, TargetsRole) = (body(&held.roles.targets), body(&renewed.file));
    assert_eq!(old.delegations, new.delegations);
    assert_eq!(new.header.expires, later.plus_seconds(Lifetime::OFFLINE));
    let root = renew_root(&held.keys(), &held.roles.root, later).unwrap();
    let (old, new): (RootRole, RootRole) = (body(&held.roles.root), body(&root.file));
    assert_eq!((old.keys, old.roles), (new.keys, new.roles));
    assert_eq!((root.version, root.signatures), (MetadataVersion::new(2).unwrap(), 3));
}

#[test]
fn an_offline_key_in_the_registrys_folder_is_found_under_any_name() {
    let held = Held::new();
    let (root, targets): (RootRole, TargetsRole) =
        (body(&held.roles.root), body(&held.roles.targets));
    let offline = offline_keys(&root, &targets).unwrap();
    assert_eq!(offline.len(), 6);
    let registry = held.folder.path().join("D");
    std::fs::create_dir_all(registry.join("objects/ab")).unwrap();
    let online = held.online.fresh.to_file_form().unwrap();
    std::fs::write(registry.join("online.key"), online.as_bytes()).unwrap();
    assert!(find_offline_keys(&registry, &offline).unwrap().is_empty());
    let hidden = registry.join("objects/ab/notes.txt");
    std::fs::copy(held.keys().join("core-1.key"), &hidden).unwrap();
    assert_eq!(find_offline_keys(&registry, &offline).unwrap(), [hidden]);
}
