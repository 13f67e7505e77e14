//! Programs as they are released, not in the profile of the tests: what is told of speed is told of
//! what people run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use newleaf_tests::build::{cargo, source_root, target_folder};
use newleaf_tests::process::Ran;

/// The folder that holds `newleaf` and `newleaf-measured` as they are released; built once, in some
/// minutes.
fn programs() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut command = cargo();
        // In a folder of its own: apps are built in the usual one, and would wait for its lock.
        let folder = target_folder().join("released");
        command.args(["build", "--quiet", "--release", "--target-dir"]).arg(&folder);
        Ran::ok(command.args(["--package", "newleaf", "--package", "newleaf-measured"]));
        folder.join("release")
    })
}

/// The host.
pub(crate) fn newleaf() -> PathBuf {
    programs().join("newleaf")
}

/// A command of the program that measures.
pub(crate) fn measured(arguments: &[&str]) -> Command {
    let mut command = Command::new(programs().join("newleaf-measured"));
    command.args(arguments);
    command
}

/// The number that a command of the program that measures prints.
pub(crate) fn number(command: &mut Command) -> f64 {
    Ran::ok(command).stdout.trim().parse().unwrap()
}

/// wasmtime's own server, of the version that runs our apps: built once, for itself, from the
/// sources its makers publish. Where it cannot be had, why.
pub(crate) fn wasmtime() -> Result<PathBuf, String> {
    let lock = std::fs::read_to_string(source_root().join("Cargo.lock")).unwrap();
    let version = lock.split("name = \"wasmtime\"\nversion = \"").nth(1);
    let version = version.and_then(|rest| rest.split('"').next()).unwrap();
    let root = target_folder().join("peers");
    let mut command = cargo();
    command.args(["install", "--quiet", "wasmtime-cli", "--version", version, "--locked"]);
    command.args(["--no-default-features", "--features"]);
    command.arg("run,serve,component-model-async,cranelift,pooling-allocator,parallel-compilation");
    // An archive of its own, which a second run finds and takes.
    command.arg("--root").arg(&root).arg("--target-dir").arg(root.join("target"));
    let ran = Ran::of(&mut command);
    if ran.code == 0 {
        return Ok(root.join("bin/wasmtime"));
    }
    let last = ran.stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Err(format!("cargo install wasmtime-cli {version} ended with {}: {last}", ran.code))
}
