//! The binary: the ceremony, serving, core releases, and where offline keys may not lie.
#![expect(clippy::unwrap_used, reason = "a fault in a helper fails the test")]

use std::fs;
use std::io::{BufRead as _, BufReader, Cursor, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use newleaf_domain::{Clock as _, Digest};
use newleaf_package::{Limits, PackageWriter};
use newleaf_registry::SystemClock;
use newleaf_trust::RefreshOutcome;
use serde_json::json;

use crate::support::author::Author;
use crate::support::host::{packages, refresh};
use crate::support::world::{command, succeed};

/// Two folders, and the binary.
struct Place {
    temp: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { temp: tempfile::tempdir().unwrap() };
        succeed(&["init", "--dir", &place.dir(), "--keys", &place.keys()]);
        place
    }

    fn path(&self, name: &str) -> String {
        self.temp.path().join(name).to_str().unwrap().to_owned()
    }

    fn dir(&self) -> String {
        self.path("registry")
    }

    fn keys(&self) -> String {
        self.path("keys")
    }

    fn host(&self) -> RefreshOutcome {
        self.host_over(&Path::new(&self.dir()).join("public"))
    }

    fn host_over(&self, public: &Path) -> RefreshOutcome {
        let root = fs::read(Path::new(&self.dir()).join("root.json")).unwrap();
        refresh(public, &root, SystemClock.now()).unwrap()
    }

    /// Makes a core package, as a build does.
    fn core_package(&self, version: &str) -> PathBuf {
        let program = format!("the program, version {version}").into_bytes();
        let manifest = json!({
            "id": "core", "version": version, "name": "Product", "edition": "community", "schema": 1,
            "binary": {"name": "newleaf", "length": program.len(), "sha256": Digest::of(&program)},
        });
        let manifest = serde_json::to_vec(&manifest).unwrap();
        let mut writer = PackageWriter::new(manifest, Limits::core()).unwrap();
        writer.add_bytes("bin/newleaf", program).unwrap();
        writer.add_bytes("CHANGELOG.md", format!("# {version}").into_bytes()).unwrap();
        let mut bytes = Cursor::new(Vec::new());
        writer.write(&mut bytes).unwrap();
        let folder = self.temp.path().join(version);
        fs::create_dir(&folder).unwrap();
        let path = folder.join("x86_64-linux-gnu.zip");
        fs::write(&path, bytes.into_inner()).unwrap();
        path
    }

    /// Signs and publishes a core release, each by its own process.
    fn publish_core(&self, version: &str) {
        let package = self.core_package(version);
        let package = package.to_str().unwrap();
        let (current, next) = (self.path("core.json"), self.path("next.core.json"));
        succeed(&["role", "get", "--dir", &self.dir(), "core", "--out", &current]);
        let keys = self.keys();
        succeed(&[
            "keys",
            "core-sign",
            "--keys",
            &keys,
            "--role",
            &current,
            "--out",
            &next,
            package,
        ]);
        succeed(&["core", "publish", "--dir", &self.dir(), &next, package]);
    }
}

/// A serving process; ended with the test.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(dir: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_newleaf-registry"))
            .args(["serve", "--dir", dir, "--listen", "127.0.0.1:0", "--batch-ms", "50"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
        Self { child, address }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_new_registry_is_a_working_repository() {
    let place = Place::new();
    let seen = place.host();
    assert!(packages(&seen).is_empty());
    assert!(seen.targets.failures.is_empty());
    assert!(seen.targets.advisories().is_ok());
}

#[test]
fn a_core_release_is_published_without_and_beside_a_running_server() {
    let place = Place::new();
    place.publish_core("1.0.0");
    assert_eq!(packages(&place.host()), ["core/community/1.0.0/x86_64-linux-gnu.zip"]);
    let server = Server::start(&place.dir());
    place.publish_core("1.1.0");
    let seen = place.host();
    assert_eq!(packages(&seen).len(), 2);
    for file in ["x86_64-linux-gnu.json", "CHANGELOG.md"] {
        let file = seen.targets.file(&format!("core/community/1.1.0/{file}")).unwrap();
        assert!(
            server.get(&format!("/targets/{}", file.stored_path())).starts_with("HTTP/1.1 200")
        );
    }
}

#[test]
fn a_core_role_with_one_flipped_bit_is_refused_with_exit_code_4() {
    let place = Place::new();
    let package = place.core_package("1.0.0");
    let package = package.to_str().unwrap();
    let (current, next) = (place.path("core.json"), place.path("next.core.json"));
    succeed(&["role", "get", "--dir", &place.dir(), "core", "--out", &current]);
    let keys = place.keys();
    succeed(&["keys", "core-sign", "--keys", &keys, "--role", &current, "--out", &next, package]);
    let text = fs::read_to_string(&next).unwrap().replacen("\"rollout\":100", "\"rollout\":101", 1);
    fs::write(&next, text).unwrap();
    let refused = Command::new(env!("CARGO_BIN_EXE_newleaf-registry"))
        .args(["core", "publish", "--dir", &place.dir(), &next, package])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    assert!(packages(&place.host()).is_empty());
}

#[test]
fn a_namespace_vouched_for_offline_is_given_to_its_publisher() {
    let place = Place::new();
    let ada = Author::new("acme", 1);
    let (current, next, key) =
        (place.path("claimed.json"), place.path("2.claimed.json"), place.path("acme.pub.json"));
    fs::write(&key, serde_json::to_vec(&ada.key.public()).unwrap()).unwrap();
    let dir = place.dir();
    succeed(&["publisher", "create", "--dir", &dir, "ada"]);
    assert!(!command(&["publisher", "assign", "--dir", &dir, "ada", "acme"]).0);
    succeed(&["role", "get", "--dir", &dir, "claimed", "--out", &current]);
    let keys = place.keys();
    succeed(&["keys", "claim", "--keys", &keys, "--role", &current, "acme", "--author", &key]);
    succeed(&["role", "publish", "--dir", &dir, &next]);
    succeed(&["publisher", "assign", "--dir", &dir, "ada", "acme"]);
}

#[test]
fn the_registry_runs_with_the_offline_keys_gone() {
    let place = Place::new();
    place.publish_core("1.0.0");
    fs::remove_dir_all(place.keys()).unwrap();
    let server = Server::start(&place.dir());
    assert!(server.get("/tuf/timestamp.json").starts_with("HTTP/1.1 200"));
    assert!(server.get("/readyz").ends_with("{\"status\":\"ok\"}"));
}

#[test]
fn a_server_does_not_start_with_an_offline_key_in_its_folder() {
    let place = Place::new();
    let hidden = Path::new(&place.dir()).join("public/targets/README.md");
    fs::copy(Path::new(&place.keys()).join("core-1.key"), &hidden).unwrap();
    let (is_done, _, message) =
        command(&["serve", "--dir", &place.dir(), "--listen", "127.0.0.1:0"]);
    assert!(!is_done && message.contains("README.md is an offline key"), "{message}");
}

#[test]
fn keys_inside_the_folder_are_refused_at_the_start() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("registry");
    let keys = dir.join("keys");
    let (is_done, _, message) =
        command(&["init", "--dir", dir.to_str().unwrap(), "--keys", keys.to_str().unwrap()]);
    assert!(!is_done && message.contains("lies inside"), "{message}");
    assert!(!dir.exists());
}

#[test]
fn a_copy_of_the_public_folder_is_a_working_repository() {
    let place = Place::new();
    place.publish_core("1.0.0");
    let copy = place.temp.path().join("mirror");
    copy_folder(&Path::new(&place.dir()).join("public"), &copy);
    let seen = place.host_over(&copy);
    let file = seen.targets.file("core/community/1.0.0/x86_64-linux-gnu.zip").unwrap();
    assert!(copy.join("targets").join(file.stored_path()).is_file());
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
