//! Builds an app with Cargo, as its author does.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Why an app was not built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Cargo does not start.
    #[error("cargo does not start in {folder}")]
    Start {
        /// The app's folder.
        folder: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// Cargo failed.
    #[error("the app in {folder} does not build:\n{output}")]
    Failed {
        /// The app's folder.
        folder: PathBuf,
        /// What Cargo said.
        output: String,
    },
    /// Cargo built no component.
    #[error("the app in {folder} built no .wasm file: is `crate-type = [\"cdylib\"]` missing?")]
    NoComponent {
        /// The app's folder.
        folder: PathBuf,
    },
}

impl BuildError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Start { .. } => "install Rust with rustup",
            Self::Failed { .. } => "if the target is missing: rustup target add wasm32-wasip2",
            Self::NoComponent { .. } => "add crate-type = [\"cdylib\"] under [lib] in Cargo.toml",
        }
    }
}

/// Builds the app whose `Cargo.toml` is in `folder`, for wasm32-wasip2 in release, and gives the
/// path of the component. Blocks until Cargo ends; a second call costs almost nothing.
pub fn build(folder: &Path) -> Result<PathBuf, BuildError> {
    let start = |source| BuildError::Start { folder: folder.to_owned(), source };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--target", "wasm32-wasip2", "--release"])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(folder)
        .output()
        .map_err(start)?;
    if !built.status.success() {
        let output = String::from_utf8_lossy(&built.stderr).into_owned();
        return Err(BuildError::Failed { folder: folder.to_owned(), output });
    }
    let name = manifest_path(folder);
    let messages = String::from_utf8_lossy(&built.stdout);
    let found = messages.lines().filter_map(|line| serde_json::from_str(line).ok());
    found
        .filter_map(|message| component(&message, &name))
        .next_back()
        .ok_or_else(|| BuildError::NoComponent { folder: folder.to_owned() })
}

fn manifest_path(folder: &Path) -> PathBuf {
    let manifest = folder.join("Cargo.toml");
    manifest.canonicalize().unwrap_or(manifest)
}

/// The `.wasm` file in one of Cargo's messages, if it is about the package of `manifest`.
fn component(message: &Value, manifest: &Path) -> Option<PathBuf> {
    if message.get("reason")? != "compiler-artifact"
        || Path::new(message.get("manifest_path")?.as_str()?) != manifest
    {
        return None;
    }
    let files = message.get("filenames")?.as_array()?.iter();
    let is_component =
        |file: &PathBuf| file.extension().is_some_and(|extension| extension == "wasm");
    files.filter_map(Value::as_str).map(PathBuf::from).find(is_component)
}
