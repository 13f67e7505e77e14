//! A small repository and a small host, both in memory. Everything is really signed; only the
//! network is missing.

use std::collections::BTreeMap;

use newleaf_domain::{ByteSize, Namespace, Timestamp};
use newleaf_trust::layout;
use newleaf_trust::refresh::{Fetch, MemoryRepository, Next, Supplied, Wanted};
use newleaf_trust::role::root::TopRole;
use newleaf_trust::role::targets::Ending;
use newleaf_trust::role::{
    MetaFile, MetadataVersion, RootRole, SnapshotRole, TargetRecord, TargetsRole, Threshold,
    TimestampRole,
};
use newleaf_trust::{
    KeyPair, Limits, Pin, PublicKey, Refresh, RefreshOutcome, TrustError, TrustStore, sign_role,
};
use serde_json::json;

/// The time at which every repository is made.
pub(crate) const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
/// Seconds in an hour.
pub(crate) const HOUR: i64 = 3600;
/// Seconds in a day.
pub(crate) const DAY: i64 = 24 * HOUR;
/// The path of the app release that every repository starts with.
pub(crate) const NOTES: &str = "apps/acme/notes/1.0.0/notes.zip";
/// The path of the core release that every repository starts with.
pub(crate) const CORE: &str = "core/community/1.1.0/x86_64-linux-gnu.zip";

/// The key pair of a seed.
pub(crate) fn key(seed: u8) -> KeyPair {
    KeyPair::generate([seed; 32])
}

/// Version `number`.
pub(crate) fn version(number: u64) -> MetadataVersion {
    MetadataVersion::new(number).expect("versions of tests are not zero")
}

/// Threshold `number`.
pub(crate) fn threshold(number: u32) -> Threshold {
    Threshold::new(number).expect("thresholds of tests are not zero")
}

/// A namespace.
pub(crate) fn ns(text: &str) -> Namespace {
    Namespace::parse(text).expect("namespaces of tests are well formed")
}

/// Core and the apps of `acme`.
pub(crate) fn core_and_acme() -> Wanted {
    Wanted::core_and([ns("acme")])
}

/// The record of a release whose package is `bytes`.
pub(crate) fn release(id: &str, number: &str, bytes: &[u8]) -> TargetRecord {
    TargetRecord::of(bytes).with_custom(json!({
        "manifest": {"id": id, "version": number},
        "release": {"channel": "stable", "rollout": 100, "published": NOW},
    }))
}

/// A repository with its keys, its role bodies, and the files they were last signed into.
pub(crate) struct Repository {
    /// Which keys sign a role's file, by role.
    pub(crate) keys: BTreeMap<String, Vec<KeyPair>>,
    /// The newest root.
    pub(crate) root: RootRole,
    /// The targets roles by name.
    pub(crate) roles: BTreeMap<String, TargetsRole>,
    /// Version of the next snapshot and timestamp.
    pub(crate) next: u64,
    /// When the snapshot and timestamp are signed.
    pub(crate) time: Timestamp,
    /// The published files.
    pub(crate) files: MemoryRepository,
}

const OFFLINE_EXPIRY: Timestamp = NOW.plus_seconds(layout::Lifetime::OFFLINE);

impl Repository {
    /// A repository as a ceremony makes it, with one core release and one app by a claimed author.
    pub(crate) fn new() -> Self {
        let seeds: [(&str, &[u8]); 9] = [
            ("root", &[1, 2, 3]),
            ("timestamp", &[10]),
            ("snapshot", &[11]),
            ("targets", &[12]),
            ("core", &[13]),
            ("advisories", &[14]),
            ("catalogue", &[14]),
            ("claimed", &[15]),
            ("fresh", &[16]),
        ];
        let pair = |(role, seeds): &(&str, &[u8])| {
            ((*role).to_owned(), seeds.iter().map(|seed| key(*seed)).collect())
        };
        let mut repository = Self {
            keys: seeds.iter().map(pair).collect(),
            root: RootRole::new(version(1), NOW.plus_seconds(layout::Lifetime::ROOT)),
            roles: BTreeMap::new(),
            next: 1,
            time: NOW,
            files: MemoryRepository::default(),
        };
        repository.make_root();
        repository.make_delegations();
        repository.claim("acme", 21);
        let notes = release("acme/notes", "1.0.0", b"notes 1.0.0");
        repository.edit("pub.acme", |role| role.targets.insert(NOTES.to_owned(), notes));
        let core = release("core", "1.1.0", b"core 1.1.0");
        repository.edit("core", |role| role.targets.insert(CORE.to_owned(), core));
        repository.publish();
        repository
    }

    fn make_root(&mut self) {
        for role in TopRole::ALL {
            let keys = self.publics(role.as_str());
            let needed = threshold(if role == TopRole::Root { 2 } else { 1 });
            self.root = self.root.clone().with_role(role, &keys, needed);
        }
        self.sign_root();
    }

    fn make_delegations(&mut self) {
        let mut top = TargetsRole::new(version(1), OFFLINE_EXPIRY);
        for role in ["core", "advisories", "catalogue", "claimed", "fresh"] {
            let (paths, ending) = layout::delegation(role).expect("a role of the layout");
            top = top.with_delegation(role, &self.publics(role), Threshold::ONE, paths, ending);
            self.roles.insert(role.to_owned(), TargetsRole::new(version(1), OFFLINE_EXPIRY));
        }
        self.roles.insert("targets".to_owned(), top);
    }

    /// The public halves of a role's keys.
    pub(crate) fn publics(&self, role: &str) -> Vec<PublicKey> {
        self.keys[role].iter().map(KeyPair::public).collect()
    }

    /// Adds an author to `claimed`.
    pub(crate) fn claim(&mut self, namespace: &str, seed: u8) {
        self.introduce("claimed", namespace, seed);
    }

    /// Adds an author to the role `by`, with an own role that lists nothing.
    pub(crate) fn introduce(&mut self, by: &str, namespace: &str, seed: u8) {
        let name = format!("pub.{namespace}");
        self.keys.insert(name.clone(), vec![key(seed)]);
        self.roles
            .entry(name.clone())
            .or_insert_with(|| TargetsRole::new(version(1), OFFLINE_EXPIRY));
        let paths = layout::author_paths(&ns(namespace));
        self.delegate(by, &name, &[key(seed).public()], &[&paths]);
    }

    /// Adds a terminating delegation of threshold 1 to the role `by`.
    pub(crate) fn delegate(&mut self, by: &str, role: &str, keys: &[PublicKey], paths: &[&str]) {
        self.delegate_by_threshold(by, role, keys, Threshold::ONE, paths);
    }

    /// As [`Repository::delegate`], with a threshold.
    pub(crate) fn delegate_by_threshold(
        &mut self,
        by: &str,
        role: &str,
        keys: &[PublicKey],
        needed: Threshold,
        paths: &[&str],
    ) {
        let body = self.roles[by].clone();
        let body = body.with_delegation(role, keys, needed, paths, Ending::Terminating);
        self.edit(by, |old| *old = body);
    }

    /// Changes a role's body and counts its version up, once it was published.
    pub(crate) fn edit<R>(&mut self, role: &str, change: impl FnOnce(&mut TargetsRole) -> R) {
        let body = self.roles.get_mut(role).expect("a role of the repository");
        change(body);
        let served = layout::versioned_file(body.header.version, role);
        if self.files.metadata.contains_key(&served) {
            body.header.version = body.header.version.next().expect("a version after it");
        }
    }

    /// Puts an app release into its author's role.
    pub(crate) fn release(&mut self, role: &str, path: &str) {
        let record = release("acme/notes", "1.0.0", path.as_bytes());
        self.edit(role, |body| body.targets.insert(path.to_owned(), record));
    }

    /// Signs the newest root by all of its keys.
    pub(crate) fn sign_root(&mut self) {
        let file = signed(&self.root, &self.keys["root"]);
        self.put(&layout::versioned_file(self.root.header.version, "root"), file);
    }

    /// Makes the next root, signed by `extra` keys too.
    pub(crate) fn next_root(
        &mut self,
        extra: &[KeyPair],
        change: impl FnOnce(RootRole) -> RootRole,
    ) {
        let mut root = change(self.root.clone());
        root.header.version = root.header.version.next().expect("a version after it");
        let keys = self.keys["root"].iter().chain(extra).cloned().collect::<Vec<_>>();
        let file = signed(&root, &keys);
        self.put(&layout::versioned_file(root.header.version, "root"), file);
        self.root = root;
    }

    /// Signs every role, then snapshot, then timestamp.
    pub(crate) fn publish(&mut self) {
        for (role, body) in self.roles.clone() {
            let file = layout::versioned_file(body.header.version, &role);
            if !self.files.metadata.contains_key(&file) {
                let bytes = signed(&body, &self.keys[&role]);
                self.put(&file, bytes);
            }
        }
        let snapshot = self.snapshot_of_roles();
        self.publish_snapshot(&snapshot);
    }

    /// The next snapshot, of all roles as they are.
    pub(crate) fn snapshot_of_roles(&self) -> SnapshotRole {
        let expires = self.time.plus_seconds(layout::Lifetime::SNAPSHOT);
        let snapshot = SnapshotRole::new(version(self.next), expires, self.time);
        self.roles.iter().fold(snapshot, |snapshot, (role, body)| {
            let file = layout::versioned_file(body.header.version, role);
            let pin = match self.files.metadata.get(&file) {
                Some(bytes) => MetaFile::of(body.header.version, bytes),
                None => MetaFile::version_only(body.header.version),
            };
            snapshot.with_role(role, pin)
        })
    }

    /// Signs a snapshot, and the timestamp that pins it.
    pub(crate) fn publish_snapshot(&mut self, snapshot: &SnapshotRole) {
        let bytes = signed(snapshot, &self.keys["snapshot"]);
        let number = snapshot.header.version;
        let pin = MetaFile::of(number, &bytes);
        self.put(&layout::versioned_file(number, "snapshot"), bytes);
        self.publish_timestamp(pin);
    }

    /// Signs a timestamp that pins `snapshot`; counts up.
    pub(crate) fn publish_timestamp(&mut self, snapshot: MetaFile) {
        let expires = self.time.plus_seconds(layout::Lifetime::TIMESTAMP);
        let timestamp = TimestampRole::new(version(self.next), expires, self.time, snapshot);
        let bytes = signed(&timestamp, &self.keys["timestamp"]);
        self.put("timestamp.json", bytes);
        self.next += 1;
    }

    /// Puts a file where hosts look for it.
    pub(crate) fn put(&mut self, file: &str, bytes: Vec<u8>) {
        self.files.metadata.insert(file.to_owned(), bytes);
    }

    /// The name under which a role's newest file is served.
    pub(crate) fn file_of(&self, role: &str) -> String {
        layout::versioned_file(self.roles[role].header.version, role)
    }

    /// A host that trusts the first root and has seen nothing else.
    pub(crate) fn host(&self) -> Host {
        let root = &self.files.metadata["1.root.json"];
        let store = TrustStore::from_root(root, &Limits::default()).expect("the first root");
        Host { store, pins: Vec::new(), now: NOW, limits: Limits::default(), log: Vec::new() }
    }
}

/// The file of `body` signed by `keys`.
pub(crate) fn signed<T: serde::Serialize>(body: &T, keys: &[KeyPair]) -> Vec<u8> {
    sign_role(body, &keys.iter().collect::<Vec<_>>()).expect("bodies of tests are canonical")
}

/// A host: a trust store, pins and a clock.
#[derive(Clone)]
pub(crate) struct Host {
    /// What it trusts, written after every refresh, failed or not.
    pub(crate) store: TrustStore,
    /// Its pinned signers.
    pub(crate) pins: Vec<Pin>,
    /// What its clock shows.
    pub(crate) now: Timestamp,
    /// Its limits.
    pub(crate) limits: Limits,
    /// The paths it asked for in the last refresh.
    pub(crate) log: Vec<String>,
}

impl Host {
    /// Refreshes core and the apps of `acme`.
    pub(crate) fn refresh(
        &mut self,
        repository: &Repository,
    ) -> Result<RefreshOutcome, TrustError> {
        self.refresh_for(core_and_acme(), repository)
    }

    /// Refreshes what is wanted.
    pub(crate) fn refresh_for(
        &mut self,
        wanted: Wanted,
        repository: &Repository,
    ) -> Result<RefreshOutcome, TrustError> {
        self.refresh_over(wanted, &mut |fetch| repository.files.answer(fetch))
    }

    /// Refreshes over whatever answers, as a host would: it persists what it is told to, and after
    /// an error starts next time from what was persisted.
    pub(crate) fn refresh_over(
        &mut self,
        wanted: Wanted,
        answer: &mut dyn FnMut(&Fetch) -> Supplied,
    ) -> Result<RefreshOutcome, TrustError> {
        let mut disk = self.store.files().clone();
        self.log.clear();
        let (store, pins) = (self.store.clone(), self.pins.clone());
        let mut refresh = Refresh::start(store, pins, wanted, self.limits, self.now)?;
        let outcome = loop {
            match refresh.next() {
                Ok(Next::Persist(files)) => disk.extend(files),
                Ok(Next::Done(outcome)) => break Ok(*outcome),
                Ok(Next::Fetch(fetch)) => {
                    self.log.push(fetch.path.clone());
                    if let Err(error) = refresh.supply(answer(&fetch)) {
                        break Err(error);
                    }
                }
                Err(error) => break Err(error),
            }
        };
        self.store =
            TrustStore::from_files(disk, &self.limits).expect("what was persisted is good");
        outcome
    }
}

/// The length that a limit names.
pub(crate) fn length(bytes: &[u8]) -> ByteSize {
    ByteSize::bytes(bytes.len() as u64)
}
