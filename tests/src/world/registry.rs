//! A registry as a process, an author who publishes to it, and a release team with offline keys.

use std::path::{Path, PathBuf};
use std::process::Command;

use newleaf_trust::key::KeyPair;

use super::{CoreRelease, START, read_key};
use crate::build;
use crate::process::{Process, Ran};

/// The registry, and the keys of those who publish to it.
#[derive(Debug)]
pub struct Registry {
    /// Its folder.
    pub dir: PathBuf,
    /// The offline keys, outside its folder.
    pub offline: PathBuf,
    /// Its address, as `--repository` takes it.
    pub url: String,
    /// The root role, as it is handed to hosts.
    pub root: PathBuf,
    /// The serving process.
    pub process: Process,
    desk: PathBuf,
}

/// Whether the registry makes smaller forms of what is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Smaller {
    /// It makes none: the processor is the tests'.
    Never,
    /// It makes them with little effort.
    Quick,
}

impl Smaller {
    /// Puts it into `registry.toml`, as an operator would edit it.
    fn write(self, dir: &Path) {
        let path = dir.join("registry.toml");
        let template = std::fs::read_to_string(&path).unwrap();
        let text = match self {
            Self::Never => template
                .replace("deltas = 3", "deltas = 0")
                .replace("copies = true", "copies = false"),
            Self::Quick => template.replace("effort = \"best\"", "effort = \"quick\""),
        };
        assert_ne!(text, template, "the template of registry.toml changed");
        std::fs::write(&path, text).unwrap();
    }
}

impl Registry {
    /// Makes a registry in `dir` with its offline keys in `offline`, starts it, and has the
    /// release team vouch for the author `acme`.
    pub fn start(dir: &Path, offline: &Path, smaller: Smaller) -> Self {
        let desk = offline.with_file_name("desk");
        std::fs::create_dir_all(desk.join("next")).unwrap();
        Ran::ok(registry(&["init"]).arg("--dir").arg(dir).arg("--keys").arg(offline));
        smaller.write(dir);
        let process = Self::serve(dir);
        let line = process.wait_for_line("listening on ", START);
        let url = line.split("listening on ").nth(1).unwrap().trim().to_owned();
        let root = dir.join("root.json");
        let made =
            Self { dir: dir.to_owned(), offline: offline.to_owned(), url, root, process, desk };
        made.welcome_author();
        made
    }

    fn serve(dir: &Path) -> Process {
        let mut command = registry(&["serve", "--listen", "127.0.0.1:0", "--batch-ms", "100"]);
        Process::start("newleaf-registry serve", command.arg("--dir").arg(dir))
    }

    /// The author makes a key; the release team vouches for it offline; a token lets her publish.
    fn welcome_author(&self) {
        Ran::ok(sdk(&["keygen"]).arg("--out").arg(self.author_key_file()));
        self.claim("acme", &self.desk.join("author.pub.json"));
        Ran::ok(registry(&["publisher", "create", "acme"]).arg("--dir").arg(&self.dir));
        Ran::ok(registry(&["publisher", "assign", "acme", "acme"]).arg("--dir").arg(&self.dir));
        let token = Ran::ok(
            registry(&["token", "create", "--publisher", "acme", "--json"])
                .arg("--dir")
                .arg(&self.dir),
        );
        let token = token.json()["token"].as_str().unwrap().to_owned();
        std::fs::write(self.desk.join("token"), token).unwrap();
    }

    /// The release team vouches, offline, for the key in the file `public` as the author of
    /// `namespace`.
    pub fn claim(&self, namespace: &str, public: &Path) {
        let (current, next) = (self.desk.join("claimed.json"), self.desk.join("next/claimed.json"));
        self.role_get("claimed", &current);
        let mut claim = registry(&["keys", "claim", namespace]);
        claim.arg("--keys").arg(&self.offline).arg("--role").arg(&current);
        Ran::ok(claim.arg("--author").arg(public).arg("--out").arg(&next));
        Ran::ok(registry(&["role", "publish"]).arg("--dir").arg(&self.dir).arg(&next));
    }

    /// Builds the app in `folder` of the source tree, signs it and publishes it.
    pub fn publish_app(&self, folder: &str) {
        self.publish_package(&build::app_package(folder));
    }

    /// The same, with members of its manifest set: another release of the same program.
    pub fn publish_app_with(&self, folder: &str, more: &serde_json::Value) {
        self.publish_package(&build::app_package_with(folder, more));
    }

    /// Signs a package that is there already, and publishes it.
    pub fn publish_package(&self, package: &Path) {
        let mut command = sdk(&["publish"]);
        command.arg(package).args(["--registry", &self.url]);
        command.arg("--token-file").arg(self.desk.join("token"));
        Ran::ok(command.arg("--key").arg(self.author_key_file()));
    }

    /// Packs a core, signs its role with the offline keys, and publishes both.
    pub fn publish_core(&self, core: CoreRelease) {
        self.publish_core_with(core, &serde_json::json!({}));
    }

    /// The same, with more members in its manifest.
    pub fn publish_core_with(&self, core: CoreRelease, more: &serde_json::Value) {
        let package = core.pack_with(&self.desk.join("core"), more);
        let (current, next) = (self.desk.join("core.json"), self.desk.join("next/core.json"));
        self.role_get("core", &current);
        let mut sign = registry(&["keys", "core-sign"]);
        sign.arg("--keys").arg(&self.offline).arg("--role").arg(&current);
        Ran::ok(sign.arg("--out").arg(&next).arg(&package));
        Ran::ok(
            registry(&["core", "publish"]).arg("--dir").arg(&self.dir).arg(&next).arg(&package),
        );
    }

    fn role_get(&self, name: &str, out: &Path) {
        Ran::ok(registry(&["role", "get", name]).arg("--dir").arg(&self.dir).arg("--out").arg(out));
    }

    /// The author's private key.
    pub fn author_key(&self) -> KeyPair {
        read_key(&self.author_key_file())
    }

    fn author_key_file(&self) -> PathBuf {
        self.desk.join("author.key")
    }
}

fn registry(arguments: &[&str]) -> Command {
    let mut command = Command::new(build::program("newleaf-registry"));
    command.args(arguments);
    command
}

fn sdk(arguments: &[&str]) -> Command {
    let mut command = Command::new(build::program("newleaf-sdk"));
    command.args(arguments);
    command
}
