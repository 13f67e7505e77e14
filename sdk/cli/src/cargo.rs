//! Runs cargo on an app: the wasm target is there, the component is built, its path is known.

use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use serde::Deserialize;

/// What apps are compiled for.
const TARGET: &str = "wasm32-wasip2";

/// A component, and the folder that cargo builds into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Built {
    pub(crate) wasm: PathBuf,
    pub(crate) target_folder: PathBuf,
}

/// Why there is no component. Completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// A program could not be started.
    #[error("{program} could not be started")]
    Start {
        /// Its name.
        program: &'static str,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The target is not installed and could not be added.
    #[error("the compiler has no target {TARGET}, and {why}")]
    NoTarget {
        /// Why it was not added.
        why: String,
    },
    /// cargo said no; its words went to standard error.
    #[error("cargo build ended with {status}")]
    Cargo {
        /// Its exit status.
        status: ExitStatus,
    },
    /// cargo's messages could not be read.
    #[error("cargo's messages could not be read")]
    Messages(#[source] io::Error),
    /// cargo built no component of this package.
    #[error("cargo built no component of {}", manifest.display())]
    NoComponent {
        /// The package's `Cargo.toml`.
        manifest: PathBuf,
    },
    /// The folder is not a package.
    #[error("{} could not be found", path.display())]
    NoPackage {
        /// The `Cargo.toml` that is missing.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
}

impl BuildError {
    /// What a person can do about it.
    pub(crate) const fn hint(&self) -> &'static str {
        match self {
            Self::Start { .. } => "install Rust with rustup (https://rustup.rs)",
            Self::NoTarget { .. } => {
                "run `rustup target add wasm32-wasip2` where rustup has network"
            }
            Self::Cargo { .. } => "mend what the compiler names above",
            Self::Messages(_) => "try again",
            Self::NoComponent { .. } => "set [lib] crate-type = [\"cdylib\"] in Cargo.toml",
            Self::NoPackage { .. } => "run the command in an app's folder",
        }
    }

    /// Whether something has to be installed first.
    pub(crate) const fn is_prerequisite(&self) -> bool {
        matches!(self, Self::Start { .. } | Self::NoTarget { .. })
    }
}

/// Builds the package in `folder`, for release.
pub(crate) fn build(folder: &Path) -> Result<Built, BuildError> {
    let manifest = folder.join("Cargo.toml");
    let manifest = manifest
        .canonicalize()
        .map_err(|source| BuildError::NoPackage { path: manifest, source })?;
    add_target(folder)?;
    let mut cargo = Command::new("cargo")
        .args(["build", "--release", "--target", TARGET])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|source| BuildError::Start { program: "cargo", source })?;
    let messages = cargo.stdout.take().map(BufReader::new);
    let wasm = messages.map(|messages| find_component(messages, &manifest)).transpose();
    let status = cargo.wait().map_err(|source| BuildError::Start { program: "cargo", source })?;
    if !status.success() {
        return Err(BuildError::Cargo { status });
    }
    let wasm = wasm.map_err(BuildError::Messages)?.flatten();
    let missing = || BuildError::NoComponent { manifest: manifest.clone() };
    let wasm = wasm.ok_or_else(missing)?;
    // <target folder>/wasm32-wasip2/release/<name>.wasm
    let target_folder = wasm.ancestors().nth(3).ok_or_else(missing)?.to_owned();
    Ok(Built { wasm, target_folder })
}

/// Makes sure that the compiler which `folder` uses has the target.
fn add_target(folder: &Path) -> Result<(), BuildError> {
    let found = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(folder)
        .output()
        .map_err(|source| BuildError::Start { program: "rustc", source })?;
    let library = PathBuf::from(String::from_utf8_lossy(&found.stdout).trim());
    if found.status.success() && library.is_dir() {
        return Ok(());
    }
    let no_target = |why: String| BuildError::NoTarget { why };
    let added = Command::new("rustup")
        .args(["target", "add", TARGET])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            no_target(format!("rustup, which could add it, did not start: {error}"))
        })?;
    if added.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&added.stderr);
    let last = words.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given");
    Err(no_target(format!("rustup could not add it: {}", last.trim())))
}

/// One of cargo's messages, as far as it is of interest.
#[derive(Debug, Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// The component that the package of `manifest` was built into. Reads to the end, so that cargo is
/// never held up by a full pipe.
fn find_component(messages: impl io::BufRead, manifest: &Path) -> io::Result<Option<PathBuf>> {
    let mut found = None;
    for line in messages.lines() {
        let line = line?;
        // Lines that are not messages are a build script's; they are not ours to judge.
        let Ok(message) = serde_json::from_str::<Message>(&line) else { continue };
        if message.reason == "compiler-artifact" && message.manifest_path == manifest {
            let is_wasm = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "wasm");
            found = message.filenames.into_iter().find(is_wasm).or(found);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_component_of_the_package_itself_is_found_among_others() {
        let messages = r#"
            {"reason":"compiler-artifact","manifest_path":"/a/dep/Cargo.toml","filenames":["/t/dep.wasm"]}
            not a message
            {"reason":"compiler-artifact","manifest_path":"/a/Cargo.toml","filenames":["/t/a.d","/t/a.wasm"]}
            {"reason":"build-finished","success":true}"#;
        let found = find_component(messages.as_bytes(), Path::new("/a/Cargo.toml")).unwrap();
        assert_eq!(found, Some(PathBuf::from("/t/a.wasm")));
    }
}
