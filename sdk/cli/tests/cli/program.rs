//! Runs the program, and builds the one real app that the tests share.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use newleaf_domain::ByteSize;
use newleaf_package::{Limits, PackageReader, PackageWriter};
use serde_json::{Value, json};

/// What one run left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The run, which must have ended with 0.
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }
}

/// The program with `arguments`, in `folder`.
pub(crate) fn sdk(folder: &Path, arguments: &[&str]) -> Ran {
    sdk_with(folder, arguments, &[])
}

/// The program with `arguments` and environment variables, in `folder`.
pub(crate) fn sdk_with(folder: &Path, arguments: &[&str], variables: &[(&str, &Path)]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_newleaf-sdk"));
    for own in ["NEWLEAF_KEY", "NEWLEAF_REGISTRY", "NEWLEAF_SDK_PATH", "NEWLEAF_TOKEN_FILE"] {
        command.env_remove(own);
    }
    let Output { status, stdout, stderr } = command
        .args(arguments)
        .envs(variables.iter().copied())
        .current_dir(folder)
        .output()
        .unwrap();
    Ran {
        code: status.code().unwrap(),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

/// The checkout that these tests belong to.
fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A new app called `acme/first` in `parent`, with the checkout's own lock file, so that building
/// it needs no crate that the checkout does not need.
pub(crate) fn new_app(parent: &Path) -> PathBuf {
    let sdk_path = checkout().join("sdk/guest");
    sdk(parent, &["new", "acme/first", "--sdk-path", sdk_path.to_str().unwrap()]).done();
    fs::copy(checkout().join("Cargo.lock"), parent.join("first/Cargo.lock")).unwrap();
    parent.join("first")
}

/// Builds the app in `folder`; cargo's work is shared by all runs of these tests.
pub(crate) fn build(folder: &Path) -> Ran {
    build_in(folder, "apps")
}

/// The same with cargo's work in a folder of its own: for an app whose program is another one, which
/// would else take the place of the usual one while that is packed.
pub(crate) fn build_in(folder: &Path, shared: &str) -> Ran {
    let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join(shared);
    sdk_with(
        folder,
        &["--json", "build", ".", "--out", "first.zip"],
        &[("CARGO_TARGET_DIR", &shared)],
    )
}

/// The package of `acme/first` at `version`: a real component, built once.
pub(crate) fn package(version: &str) -> Vec<u8> {
    static BUILT: OnceLock<Vec<u8>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let parent = tempfile::tempdir().unwrap();
        let folder = new_app(parent.path());
        build(&folder).done();
        fs::read(folder.join("first.zip")).unwrap()
    });
    with_version(built, version)
}

/// The package with another version in its manifest.
fn with_version(package: &[u8], version: &str) -> Vec<u8> {
    let mut reader = PackageReader::open(Cursor::new(package), Limits::app()).unwrap();
    let mut manifest: Value = serde_json::from_slice(&reader.manifest().unwrap().bytes).unwrap();
    manifest["version"] = json!(version);
    let manifest = serde_json::to_vec(&manifest).unwrap();
    let mut writer = PackageWriter::new(manifest, Limits::app()).unwrap();
    let others = reader.members()[1..].iter().map(|member| member.name.to_string());
    for name in others.collect::<Vec<_>>() {
        let bytes = reader.read_member(&name, ByteSize::mib(64)).unwrap();
        writer.add_bytes(&name, bytes).unwrap();
    }
    let mut out = Cursor::new(Vec::new());
    writer.write(&mut out).unwrap();
    out.into_inner()
}
