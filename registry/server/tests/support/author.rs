//! An author: her key, her packages, her role files.

use std::collections::BTreeMap;
use std::io::Cursor;

use newleaf_domain::{Manifest, Namespace, Timestamp};
use newleaf_package::{Limits, PackageWriter};
use newleaf_trust::KeyPair;
use newleaf_trust::layout::Lifetime;
use newleaf_trust::role::{MetadataVersion, TargetRecord, TargetsRole};
use newleaf_trust::sign::sign_role;
use serde_json::{Value, json};

/// An author with one key.
#[derive(Debug)]
pub(crate) struct Author {
    pub(crate) namespace: Namespace,
    pub(crate) key: KeyPair,
}

/// The files of one release, by target path, and what her role says of them.
#[derive(Debug, Clone)]
pub(crate) struct Release {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) package: String,
    pub(crate) custom: Value,
}

impl Author {
    pub(crate) fn new(namespace: &str, seed: u8) -> Self {
        let namespace = Namespace::parse(namespace).unwrap();
        Self { namespace, key: KeyPair::generate([seed; 32]) }
    }

    pub(crate) fn release(&self, app: &str, version: &str, now: Timestamp) -> Release {
        self.release_with(app, version, now, &json!({}))
    }

    /// A release whose manifest has the members of `more` as well.
    pub(crate) fn release_with(
        &self,
        app: &str,
        version: &str,
        now: Timestamp,
        more: &Value,
    ) -> Release {
        let mut manifest = json!({
            "id": format!("{}/{app}", self.namespace), "version": version, "name": "Notes",
            "summary": "Keeps notes", "core": ">=1.0", "abi": "1.0", "schema": 1,
            "capabilities": [{"kind": "storage", "quota": 1_048_576, "reason": "to keep notes"}],
        });
        for (name, value) in more.as_object().unwrap() {
            manifest[name] = value.clone();
        }
        let manifest = serde_json::to_vec(&manifest).unwrap();
        let mut writer = PackageWriter::new(manifest.clone(), Limits::app()).unwrap();
        writer.add_bytes("app.wasm", format!("\0asm {version}").into_bytes()).unwrap();
        let mut package = Cursor::new(Vec::new());
        writer.write(&mut package).unwrap();
        let folder = format!("apps/{}/{app}/{version}", self.namespace);
        let path = format!("{folder}/{app}.zip");
        let signed = Manifest::signed_form(&manifest).unwrap();
        Release {
            files: BTreeMap::from([
                (path.clone(), package.into_inner()),
                (format!("{folder}/manifest.json"), manifest),
                (format!("{folder}/README.md"), format!("Notes {version}").into_bytes()),
            ]),
            package: path,
            custom: json!({"manifest": signed, "release": {"channel": "stable", "published": now}}),
        }
    }

    pub(crate) fn role(&self, version: u64, releases: &[&Release], now: Timestamp) -> Vec<u8> {
        sign_role(&Self::body(version, releases, now), &[&self.key]).unwrap()
    }

    pub(crate) fn body(version: u64, releases: &[&Release], now: Timestamp) -> TargetsRole {
        let version = MetadataVersion::new(version).unwrap();
        let mut role = TargetsRole::new(version, now.plus_seconds(Lifetime::OFFLINE));
        for release in releases {
            for (path, bytes) in &release.files {
                let mut record = TargetRecord::of(bytes);
                if *path == release.package {
                    record = record.with_custom(release.custom.clone());
                }
                role = role.with_target(path, record);
            }
        }
        role
    }
}
