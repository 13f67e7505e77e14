//! Builds what the world is made of: the programs, the cores and the apps.
//!
//! Everything is built once a process, in the profile and with the features that `cargo verify`
//! and `cargo demo` share, so that nothing is compiled twice.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use newleaf_package::{Limits, MANIFEST, PackageReader, PackageWriter};

/// Packages whose programs the world runs. The tests' own package is in the list so that cargo
/// resolves the same features as for the tests.
const PROGRAMS: [&str; 12] = [
    "newleaf-tests",
    "newleaf",
    "newleaf-registry",
    "newleaf-sdk-cli",
    "newleaf-core-newer",
    "newleaf-core-older",
    "newleaf-core-exits",
    "newleaf-core-hangs",
    "newleaf-core-sours",
    "newleaf-core-unhealthy",
    "newleaf-core-successor",
    "newleaf-core-enterprise",
];

/// Guests without tests of their own: they are built for `wasm32-wasip2` only. The pure modules of
/// the others are tested on this machine.
pub const GUESTS: [&str; 3] = ["newleaf-sdk", "newleaf-hello", "newleaf-notes"];

/// The root of the source tree.
pub fn source_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The cargo that runs us, or the one on the path.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(source_root());
    command.env_remove("LD_LIBRARY_PATH");
    // What a cargo tells the program it runs. Build scripts that ask for it (ring's does) would
    // find it changed, and all that stands on them would be compiled again at each turn.
    for (name, _) in std::env::vars_os() {
        let told = name.to_string_lossy();
        if told.starts_with("CARGO_PKG_") || told.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// The folder that holds the programs, after they were built.
pub fn programs() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut command = cargo();
        command.args(["build", "--quiet", "--bins"]);
        for package in PROGRAMS {
            command.args(["--package", package]);
        }
        run(&mut command);
        target_folder().join("debug")
    })
}

/// Path of the program `name`.
pub fn program(name: &str) -> PathBuf {
    programs().join(name)
}

/// Where cargo builds to.
pub fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| source_root().join("target"), PathBuf::from)
}

/// An app's package, built by `newleaf-sdk build` from its folder below the source tree.
pub fn app_package(folder: &str) -> PathBuf {
    static BUILDING: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one_at_a_time = BUILDING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let out = target_folder().join("packages").join(format!("{}.zip", folder.replace('/', "-")));
    std::fs::create_dir_all(out.parent().unwrap()).unwrap();
    let mut command = Command::new(program("newleaf-sdk"));
    command.current_dir(source_root().join(folder)).args(["build", "--out"]).arg(&out);
    run(&mut command);
    out
}

/// The same, with members of its manifest set: another release of the same program.
pub fn app_package_with(folder: &str, more: &serde_json::Value) -> PathBuf {
    let plain = app_package(folder);
    let limits = Limits::app();
    let mut reader = PackageReader::open(File::open(&plain).unwrap(), limits).unwrap();
    let mut manifest: serde_json::Value =
        serde_json::from_slice(&reader.manifest().unwrap().bytes).unwrap();
    let said = manifest.as_object_mut().unwrap();
    said.extend(more.as_object().unwrap().clone());
    let manifest = serde_json::to_vec_pretty(&manifest).unwrap();
    let digest = newleaf_domain::Digest::of(&manifest);
    let mut writer = PackageWriter::new(manifest, limits).unwrap();
    let members = reader.members().iter().map(|it| it.name.as_str().to_owned());
    for name in members.filter(|name| name != MANIFEST).collect::<Vec<_>>() {
        let bytes = reader.read_member(&name, newleaf_domain::ByteSize::mib(64)).unwrap();
        writer.add_bytes(&name, bytes).unwrap();
    }
    let out = plain.with_file_name(format!("{}-{}.zip", folder.replace('/', "-"), digest.short()));
    let mut file = File::options().read(true).write(true).create(true).truncate(true).open(&out);
    writer.write(file.as_mut().unwrap()).unwrap();
    out
}

/// Runs a build command; its own output is shown where it fails.
fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{said}");
}
