//! A repository in memory with the releases a test names, and a host that runs what it names.

use std::collections::BTreeMap;

use newleaf_domain::{
    AbiVersion, Channel, Digest, Edition, Grants, Namespace, PackageName, Platform, Target,
    Timestamp, Version,
};
use newleaf_plan::{
    Installed, InstalledApp, InstalledCore, Needs, Policy, Request, Verdict, survey,
};
use newleaf_trust::artifact::Hashes;
use newleaf_trust::refresh::{MemoryRepository, Wanted, refresh_from_memory};
use newleaf_trust::role::root::TopRole;
use newleaf_trust::role::targets::Ending;
use newleaf_trust::role::{
    MetaFile, MetadataVersion, RootRole, SnapshotRole, TargetRecord, TargetsRole, Threshold,
    TimestampRole,
};
use newleaf_trust::{
    Advisories, Advisory, KeyPair, Limits, Targets, TrustStore, Verified, layout, sign_role,
};
use serde_json::{Value, json};

/// When every test happens.
pub(crate) const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

/// A release to be signed.
#[derive(Debug, Clone)]
pub(crate) struct Release {
    path: String,
    pub(crate) manifest: Value,
    pub(crate) channel: &'static str,
    pub(crate) rollout: u8,
    pub(crate) floor: Option<&'static str>,
}

impl Release {
    /// The digest it is listed under: nothing in these tests looks at the bytes.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(self.path.as_bytes())
    }

    /// The same release with one member of its manifest set.
    pub(crate) fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.manifest[member] = value.into();
        self
    }

    pub(crate) fn on(mut self, channel: &'static str) -> Self {
        self.channel = channel;
        self
    }

    pub(crate) fn rolled_out_to(mut self, percent: u8) -> Self {
        self.rollout = percent;
        self
    }

    pub(crate) fn with_floor(mut self, floor: &'static str) -> Self {
        self.floor = Some(floor);
        self
    }

    fn record(&self) -> TargetRecord {
        let mut release = json!({
            "channel": self.channel, "rollout": self.rollout, "published": "2026-11-21T00:00:00Z",
        });
        if let Some(floor) = self.floor {
            release["floor"] = floor.into();
        }
        let custom = json!({"manifest": self.manifest, "release": release});
        let hashes = Hashes::of(self.path.as_bytes());
        TargetRecord::new(newleaf_domain::ByteSize::kib(10), &hashes, custom)
    }
}

/// `acme/notes` at `version`.
pub(crate) fn notes(version: &str) -> Release {
    Release {
        path: format!("apps/acme/notes/{version}/notes.zip"),
        manifest: json!({"id": "acme/notes", "version": version}),
        channel: "stable",
        rollout: 100,
        floor: None,
    }
}

/// Core at `version`, of an edition and for a platform.
pub(crate) fn core_for(version: &str, edition: &str, platform: &str) -> Release {
    Release {
        path: format!("core/{edition}/{version}/{platform}.zip"),
        manifest: json!({"id": "core", "version": version, "edition": edition, "schema": 1}),
        channel: "stable",
        rollout: 100,
        floor: None,
    }
}

/// Core at `version` for the host of these tests.
pub(crate) fn core(version: &str) -> Release {
    core_for(version, "community", "x86_64-linux-gnu")
}

/// What the author of `acme` went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Author {
    Claimed,
    Fresh,
    /// The role is delegated and not served.
    Missing,
}

/// The verified view of a repository with `releases`.
pub(crate) fn repository(releases: &[Release]) -> Verified<Targets> {
    repository_of(releases, Author::Claimed, Some(&[]))
}

/// [`repository`] by such an author; without a list of advisories where `yanked` is none.
pub(crate) fn repository_of(
    releases: &[Release],
    author: Author,
    yanked: Option<&[Advisory]>,
) -> Verified<Targets> {
    let key = KeyPair::generate([7; 32]);
    let is_core = |release: &&Release| release.path.starts_with("core/");
    let listing = |core: bool| {
        let wanted = releases.iter().filter(|release| is_core(release) == core);
        wanted.fold(role(), |role, release| role.with_target(&release.path, release.record()))
    };
    let acme = Namespace::parse("acme").unwrap();
    let introduce = |yes: bool| {
        if !yes {
            return role();
        }
        let paths = layout::author_paths(&acme);
        let name = layout::author_role(&acme);
        let keys = [key.public()];
        role().with_delegation(&name, &keys, Threshold::ONE, &[&paths], Ending::Terminating)
    };
    let list = Advisories::new(yanked.unwrap_or_default().to_vec()).to_bytes().unwrap();
    let advisories = role().with_target(layout::ADVISORIES_PATH, TargetRecord::of(&list));
    let names = [layout::CORE, layout::ADVISORIES, layout::CLAIMED, layout::FRESH];
    let top = names.iter().fold(role(), |top, name| {
        let (paths, ending) = layout::delegation(name).unwrap();
        top.with_delegation(name, &[key.public()], Threshold::ONE, paths, ending)
    });
    let roles = [
        ("targets".to_owned(), top),
        (layout::CORE.to_owned(), listing(true)),
        (layout::ADVISORIES.to_owned(), advisories),
        (layout::CLAIMED.to_owned(), introduce(author != Author::Fresh)),
        (layout::FRESH.to_owned(), introduce(author == Author::Fresh)),
        (layout::author_role(&acme), listing(false)),
    ];
    let mut served = publish(&key, &roles);
    if author == Author::Missing {
        served.metadata.remove("1.pub.acme.json");
    }
    if yanked.is_some() {
        let path = layout::stored_path(layout::ADVISORIES_PATH, Digest::of(&list));
        served.targets.insert(path, list);
    }
    verify(&served)
}

fn role() -> TargetsRole {
    TargetsRole::new(MetadataVersion::FIRST, NOW.plus_seconds(1000))
}

fn publish(key: &KeyPair, roles: &[(String, TargetsRole)]) -> MemoryRepository {
    let expires = NOW.plus_seconds(1000);
    let mut metadata = BTreeMap::new();
    let mut snapshot = SnapshotRole::new(MetadataVersion::FIRST, expires, NOW);
    for (name, role) in roles {
        metadata.insert(format!("1.{name}.json"), sign_role(role, &[key]).unwrap());
        snapshot = snapshot.with_role(name, MetaFile::version_only(MetadataVersion::FIRST));
    }
    let snapshot = sign_role(&snapshot, &[key]).unwrap();
    let pin = MetaFile::of(MetadataVersion::FIRST, &snapshot);
    let timestamp = TimestampRole::new(MetadataVersion::FIRST, expires, NOW, pin);
    metadata.insert("1.snapshot.json".to_owned(), snapshot);
    metadata.insert("timestamp.json".to_owned(), sign_role(&timestamp, &[key]).unwrap());
    let root =
        TopRole::ALL.iter().fold(RootRole::new(MetadataVersion::FIRST, expires), |root, role| {
            root.with_role(*role, &[key.public()], Threshold::ONE)
        });
    metadata.insert("1.root.json".to_owned(), sign_role(&root, &[key]).unwrap());
    MemoryRepository { metadata, targets: BTreeMap::new() }
}

fn verify(served: &MemoryRepository) -> Verified<Targets> {
    let limits = Limits::default();
    let store = TrustStore::from_root(&served.metadata["1.root.json"], &limits).unwrap();
    let wanted = Wanted::everything();
    refresh_from_memory(store, vec![], wanted, limits, NOW, served).unwrap().1.targets
}

/// A host with core 1.0.0 and no app.
pub(crate) fn host() -> Installed {
    Installed {
        seq: 7,
        edition: Edition::default(),
        platform: Platform::parse("x86_64-linux-gnu").unwrap(),
        abi: AbiVersion::new(1, 2),
        core: InstalledCore {
            version: version("1.0.0"),
            digest: Digest::of(b"core"),
            schema: 1,
            oldest_reader: 1,
        },
        apps: BTreeMap::new(),
        kept: BTreeMap::new(),
        bad: BTreeMap::new(),
        install_id: [9; 32],
    }
}

/// The same host, running `acme/notes` at `version` on data of `schema`.
pub(crate) fn host_with_notes(version: &str, schema: u32) -> Installed {
    let app = InstalledApp {
        version: self::version(version),
        digest: notes(version).digest(),
        grants: Grants::default(),
        schema,
        oldest_reader: schema,
        needs: Needs::default(),
    };
    Installed { apps: BTreeMap::from([(name(), app)]), ..host() }
}

pub(crate) fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

pub(crate) fn name() -> PackageName {
    PackageName::parse("acme/notes").unwrap()
}

/// The newest of `acme/notes`.
pub(crate) fn newest() -> Request {
    Request { target: Target::App(name()), version: None }
}

/// Exactly `version` of `acme/notes`.
pub(crate) fn exactly(version: &str) -> Request {
    Request { version: Some(self::version(version)), ..newest() }
}

/// The newest core.
pub(crate) fn newest_core() -> Request {
    Request { target: Target::Core, version: None }
}

/// Exactly `version` of core.
pub(crate) fn exactly_core(version: &str) -> Request {
    Request { version: Some(self::version(version)), ..newest_core() }
}

/// A policy that follows `channel` for `acme/notes`.
pub(crate) fn following(channel: Channel) -> Policy {
    Policy { channels: BTreeMap::from([(Target::App(name()), channel)]), ..Policy::default() }
}

/// Each candidate of `acme/notes` and its verdict, as a person reads them.
pub(crate) fn verdicts(installed: &Installed, targets: &Verified<Targets>) -> Vec<String> {
    verdicts_on(installed, targets, &Target::App(name()))
}

/// Each candidate of `target` and its verdict, as a person reads them.
pub(crate) fn verdicts_on(
    installed: &Installed,
    targets: &Verified<Targets>,
    target: &Target,
) -> Vec<String> {
    survey(installed, targets, &Policy::default(), target)
        .candidates
        .iter()
        .map(|candidate| {
            let verdict = match &candidate.verdict {
                Verdict::Best => "best".to_owned(),
                Verdict::Possible => "possible".to_owned(),
                Verdict::OnRequest { reason } => format!("on request: {reason}"),
                Verdict::Refused { reason } => reason.to_string(),
            };
            let through = candidate.through.iter().map(|it| format!(", through {it}"));
            format!("{}: {verdict}{}", candidate.version, through.collect::<String>())
        })
        .collect()
}
