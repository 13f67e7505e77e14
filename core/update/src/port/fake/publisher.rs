//! Signs a whole repository: real keys, real roles, real packages.
#![expect(clippy::missing_panics_doc, reason = "a fake of tests: what they get wrong ends them")]

use std::collections::BTreeMap;
use std::io::Cursor;

use newleaf_domain::{ByteSize, Digest, Manifest, Namespace, Timestamp};
use newleaf_package::{Limits, PackageWriter};
use newleaf_trust::artifact::Hashes;
use newleaf_trust::layout::{self, Lifetime};
use newleaf_trust::refresh::MemoryRepository;
use newleaf_trust::role::root::TopRole;
use newleaf_trust::role::targets::Ending;
use newleaf_trust::role::{
    MetaFile, MetadataVersion, RootRole, SnapshotRole, TargetRecord, TargetsRole, Threshold,
    TimestampRole,
};
use newleaf_trust::{KeyPair, PublicKey, sign_role};
use serde_json::{Value, json};

use super::{NOW, platform};

/// A repository's keys and what it lists.
#[derive(Debug)]
pub struct Publisher {
    keys: BTreeMap<String, KeyPair>,
    roles: BTreeMap<String, TargetsRole>,
    root: Vec<u8>,
    targets: BTreeMap<String, Vec<u8>>,
    next: u64,
}

const ROLES: [&str; 9] = [
    "root",
    "timestamp",
    "snapshot",
    "targets",
    "core",
    "advisories",
    "catalogue",
    "claimed",
    "fresh",
];

impl Publisher {
    /// A repository with the author `acme` and no release.
    pub(super) fn new() -> Self {
        let pairs = ROLES
            .iter()
            .zip(1_u8..)
            .map(|(role, seed)| ((*role).to_owned(), KeyPair::generate([seed; 32])));
        let mut publisher = Self {
            keys: pairs.collect(),
            roles: BTreeMap::new(),
            root: Vec::new(),
            targets: BTreeMap::new(),
            next: 1,
        };
        publisher.make_root();
        publisher.make_delegations();
        publisher.claim("acme", 50);
        publisher
    }

    /// The root that a product would have compiled in.
    pub fn root(&self) -> Vec<u8> {
        self.root.clone()
    }

    /// Names an author's key among the claimed ones, in place of an older one.
    pub fn claim(&mut self, namespace: &str, seed: u8) {
        let namespace = Namespace::parse(namespace).expect("namespaces of tests are well formed");
        let role = layout::author_role(&namespace);
        let pair = KeyPair::generate([seed; 32]);
        let public = pair.public();
        self.keys.insert(role.clone(), pair);
        self.roles.entry(role.clone()).or_insert_with(|| empty(Lifetime::OFFLINE));
        let paths = layout::author_paths(&namespace);
        self.edit("claimed", |claimed| {
            claimed.with_delegation(
                &role,
                &[public],
                Threshold::ONE,
                &[&paths],
                Ending::Terminating,
            )
        });
    }

    /// Publishes a release of an app without a working program; `more` adds members to its manifest.
    pub fn app(&mut self, id: &str, version: &str, more: Value) -> String {
        self.app_of(id, version, more, format!("{id} {version}").into_bytes())
    }

    /// Publishes a release of an app whose component is `code`.
    pub fn app_of(&mut self, id: &str, version: &str, more: Value, code: Vec<u8>) -> String {
        self.app_with(id, version, more, &[("app.wasm", code)])
    }

    /// Publishes a release of an app whose package holds no component.
    pub fn bare_app(&mut self, id: &str, version: &str, more: Value) -> String {
        self.app_with(id, version, more, &[])
    }

    fn app_with(
        &mut self,
        id: &str,
        version: &str,
        more: Value,
        members: &[(&str, Vec<u8>)],
    ) -> String {
        let (namespace, app) = id.split_once('/').expect("names of tests are well formed");
        let mut manifest = json!({
            "id": id, "version": version, "name": app, "summary": format!("The app {app}."),
            "core": ">=1.0", "abi": "1.0",
        });
        merge(&mut manifest, more);
        let folder = format!("apps/{id}/{version}");
        let path = format!("{folder}/{app}.zip");
        let role = format!("pub.{namespace}");
        self.package(&role, &path, &manifest, members);
        self.text(&role, &format!("{folder}/manifest.json"), manifest.to_string().into_bytes());
        self.text(
            &role,
            &format!("{folder}/CHANGELOG.md"),
            format!("# {version}\n\nBetter.\n").into_bytes(),
        );
        path
    }

    /// Publishes a release of core without a working program; `more` adds members to its manifest.
    pub fn core(&mut self, version: &str, more: Value) -> String {
        self.core_of(version, more, format!("core {version}").into_bytes())
    }

    /// Publishes a release of core for this machine whose program is `program`.
    pub fn core_of(&mut self, version: &str, more: Value, program: Vec<u8>) -> String {
        let mut manifest = json!({
            "id": "core", "version": version, "name": "Newleaf", "summary": "The product.",
            "edition": "community", "schema": 1, "oldest_reader": 1,
            "binary": {"name": "newleaf", "length": program.len(), "sha256": Digest::of(&program)},
        });
        merge(&mut manifest, more);
        let platform = platform();
        let folder = format!("core/community/{version}");
        let path = format!("{folder}/{platform}.zip");
        self.package("core", &path, &manifest, &[("bin/newleaf", program)]);
        self.text("core", &format!("{folder}/{platform}.json"), manifest.to_string().into_bytes());
        path
    }

    /// Signs everything anew at `now`, and gives the files to serve.
    pub fn sign(&mut self, now: Timestamp) -> MemoryRepository {
        let number = MetadataVersion::new(self.next).expect("counted from 1");
        self.next += 1;
        let mut files =
            MemoryRepository { targets: self.targets.clone(), ..MemoryRepository::default() };
        files.metadata.insert("1.root.json".to_owned(), self.root.clone());
        let mut snapshot = SnapshotRole::new(number, now.plus_seconds(7 * 86_400), now);
        for (name, role) in &self.roles {
            let bytes = self.signed(name, role);
            snapshot = snapshot.with_role(name, MetaFile::of(role.header.version, &bytes));
            files.metadata.insert(layout::versioned_file(role.header.version, name), bytes);
        }
        let bytes = self.signed("snapshot", &snapshot);
        let pin = MetaFile::of(number, &bytes);
        files.metadata.insert(layout::versioned_file(number, "snapshot"), bytes);
        let timestamp = TimestampRole::new(number, now.plus_seconds(86_400), now, pin);
        files.metadata.insert("timestamp.json".to_owned(), self.signed("timestamp", &timestamp));
        files
    }

    /// Changes what a role says of a file, so that it and the package differ.
    pub fn edit_record(&mut self, path: &str, change: impl Fn(&mut TargetRecord)) {
        let holder = self
            .roles
            .iter()
            .find(|(_, role)| role.targets.contains_key(path))
            .map(|(name, _)| name.clone());
        let holder = holder.expect("a published path");
        self.edit(&holder, |mut role| {
            role.targets.get_mut(path).map(&change);
            role
        });
    }

    fn make_root(&mut self) {
        let mut root = RootRole::new(MetadataVersion::FIRST, NOW.plus_seconds(Lifetime::ROOT));
        for role in TopRole::ALL {
            root = root.with_role(role, &[self.public(role.as_str())], Threshold::ONE);
        }
        self.root = self.signed("root", &root);
    }

    fn make_delegations(&mut self) {
        let mut top = empty(Lifetime::OFFLINE);
        for role in
            [layout::CORE, layout::ADVISORIES, layout::CATALOGUE, layout::CLAIMED, layout::FRESH]
        {
            let (paths, ending) = layout::delegation(role).expect("a role of the layout");
            top = top.with_delegation(role, &[self.public(role)], Threshold::ONE, paths, ending);
            self.roles.insert(role.to_owned(), empty(Lifetime::OFFLINE));
        }
        self.roles.insert("targets".to_owned(), top);
    }

    fn package(&mut self, role: &str, path: &str, manifest: &Value, members: &[(&str, Vec<u8>)]) {
        let manifest = manifest.to_string().into_bytes();
        let mut writer =
            PackageWriter::new(manifest.clone(), Limits::core()).expect("manifests of tests parse");
        for (name, bytes) in members {
            writer.add_bytes(name, bytes.clone()).expect("names of tests are allowed");
        }
        let mut file = Cursor::new(Vec::new());
        writer.write(&mut file).expect("memory takes it");
        let bytes = file.into_inner();
        let custom = json!({
            "manifest": Manifest::signed_form(&manifest).expect("manifests of tests parse"),
            "release": {"channel": "stable", "rollout": 100, "published": NOW},
        });
        let length = ByteSize::bytes(bytes.len() as u64);
        let record = TargetRecord::new(length, &Hashes::of(&bytes), custom);
        self.list(role, path, record, bytes);
    }

    fn text(&mut self, role: &str, path: &str, bytes: Vec<u8>) {
        self.list(role, path, TargetRecord::of(&bytes), bytes);
    }

    fn list(&mut self, role: &str, path: &str, record: TargetRecord, bytes: Vec<u8>) {
        self.targets.insert(layout::stored_path(path, Digest::of(&bytes)), bytes);
        self.edit(role, |body| body.with_target(path, record));
    }

    /// Changes a role and counts its version up.
    fn edit(&mut self, role: &str, change: impl FnOnce(TargetsRole) -> TargetsRole) {
        let body = self.roles.remove(role).expect("a role of the repository");
        let mut body = change(body);
        body.header.version = body.header.version.next().expect("a version after it");
        self.roles.insert(role.to_owned(), body);
    }

    fn public(&self, role: &str) -> PublicKey {
        self.keys[role].public()
    }

    fn signed<T: serde::Serialize>(&self, role: &str, body: &T) -> Vec<u8> {
        sign_role(body, &[&self.keys[role]]).expect("roles of tests have a canonical form")
    }
}

fn empty(lifetime: i64) -> TargetsRole {
    TargetsRole::new(MetadataVersion::FIRST, NOW.plus_seconds(lifetime))
}

fn merge(into: &mut Value, more: Value) {
    if let (Some(into), Value::Object(more)) = (into.as_object_mut(), more) {
        into.extend(more);
    }
}
