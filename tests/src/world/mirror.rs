//! A copy of a registry's static files that a test may change and sign again.

use std::path::{Path, PathBuf};
use std::process::Command;

use newleaf_domain::Digest;
use newleaf_trust::key::KeyPair;
use serde_json::{Map, Value, json};

use super::Registry;

/// The static tree of a registry, in a folder of its own.
#[derive(Debug)]
pub struct Mirror {
    folder: PathBuf,
    online_keys: PathBuf,
}

impl Mirror {
    /// Copies what the registry serves now into `folder`.
    pub fn of(registry: &Registry, folder: &Path) -> Self {
        let mirror =
            Self { folder: folder.to_owned(), online_keys: registry.dir.join("keys-online") };
        mirror.refresh(registry);
        mirror
    }

    /// Copies what the registry serves now over what is here.
    pub fn refresh(&self, registry: &Registry) {
        std::fs::create_dir_all(&self.folder).unwrap();
        let from = registry.dir.join("public").join(".");
        let copied = Command::new("cp").arg("-a").arg(from).arg(&self.folder).status().unwrap();
        assert!(copied.success());
    }

    /// The address for `--repository`.
    pub fn url(&self) -> String {
        format!("file://{}", self.folder.display())
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A path below `tuf/`.
    pub fn tuf(&self, name: &str) -> PathBuf {
        self.folder.join("tuf").join(name)
    }

    /// The stored file of a target, such as `apps/acme/notes/2.0.0/notes.zip`.
    pub fn target(&self, path: &str) -> PathBuf {
        let (folder, file) = path.rsplit_once('/').unwrap();
        let folder = self.folder.join("targets").join(folder);
        let ending = format!(".{file}");
        let stored = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let mut stored = stored.filter(|path| path.to_string_lossy().ends_with(&ending));
        stored.next().unwrap_or_else(|| panic!("no {path} in {}", folder.display()))
    }

    /// The body of the newest version of a role.
    pub fn role(&self, name: &str) -> Value {
        let versions = std::fs::read_dir(self.tuf("")).unwrap().filter_map(|entry| {
            let file = entry.unwrap().file_name().into_string().unwrap();
            file.strip_suffix(&format!(".{name}.json"))?.parse::<u64>().ok()
        });
        let newest = versions.max().unwrap_or_else(|| panic!("no role {name}"));
        body_of(&self.tuf(&format!("{newest}.{name}.json")))
    }

    /// An online key: `timestamp`, `snapshot`, `content` or `fresh`.
    pub fn online_key(&self, name: &str) -> KeyPair {
        read_key(&self.online_keys.join(format!("{name}.json")))
    }

    /// Writes version N+1 of a role signed by `keys`, changed by `change`, and has the snapshot
    /// and the timestamp list it.
    pub fn replace(&self, name: &str, keys: &[&KeyPair], change: impl FnOnce(&mut Value)) {
        let mut body = self.role(name);
        count_up(&mut body);
        change(&mut body);
        let version = body["version"].clone();
        write_role(&self.tuf(&format!("{version}.{name}.json")), &body, keys);
        self.sign_snapshot(|meta| {
            meta.insert(format!("{name}.json"), json!({ "version": version }));
        });
    }

    /// Signs the snapshot anew, what it lists changed by `change`, and then the timestamp.
    pub fn sign_snapshot(&self, change: impl FnOnce(&mut Map<String, Value>)) {
        let mut body = self.role("snapshot");
        count_up(&mut body);
        change(body["meta"].as_object_mut().unwrap());
        let path = self.tuf(&format!("{}.snapshot.json", body["version"]));
        write_role(&path, &body, &[&self.online_key("snapshot")]);
        let bytes = std::fs::read(&path).unwrap();
        self.sign_timestamp(|timestamp| {
            timestamp["meta"]["snapshot.json"] = json!({
                "version": body["version"],
                "length": bytes.len(),
                "hashes": { "sha256": Digest::of(&bytes) },
            });
        });
    }

    /// Signs the timestamp anew, changed by `change`.
    pub fn sign_timestamp(&self, change: impl FnOnce(&mut Value)) {
        let path = self.tuf("timestamp.json");
        let mut body = body_of(&path);
        count_up(&mut body);
        change(&mut body);
        write_role(&path, &body, &[&self.online_key("timestamp")]);
    }
}

/// A private key from its file.
pub fn read_key(path: &Path) -> KeyPair {
    KeyPair::from_file_form(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn body_of(path: &Path) -> Value {
    let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    file["signed"].clone()
}

fn count_up(body: &mut Value) {
    body["version"] = json!(body["version"].as_u64().unwrap() + 1);
}

fn write_role(path: &Path, body: &Value, keys: &[&KeyPair]) {
    std::fs::write(path, newleaf_trust::sign::sign_role(body, keys).unwrap()).unwrap();
}
