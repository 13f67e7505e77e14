//! An app's folder: its manifest, and the files that go into its package.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use newleaf_domain::manifest::{InvalidManifest, MAX_MANIFEST};
use newleaf_domain::{ByteSize, Manifest, PackageName, Target};
use newleaf_package::{Limits, MANIFEST, PackageWriter, WriteError, Written};

/// Files of the root folder that are packed where they are.
const FILES: [&str; 4] = ["CHANGELOG.md", "LICENSE", "README.md", "icon.svg"];
/// Folders that are packed whole where they are.
const FOLDERS: [&str; 2] = ["assets", "migrations"];
/// The member that holds the component.
pub(crate) const COMPONENT: &str = "app.wasm";

/// An app's folder with a manifest that parses.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) folder: PathBuf,
    pub(crate) manifest_bytes: Vec<u8>,
    pub(crate) manifest: Manifest,
    pub(crate) name: PackageName,
}

/// Why a folder is not an app's, or could not be packed. Completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProjectError {
    /// A file could not be read or written.
    #[error("{} could not be {doing}", path.display())]
    Io {
        /// `read`, `written`, …
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The manifest is larger than any may be.
    #[error("{} is {length}, more than {MAX_MANIFEST}", path.display())]
    LargeManifest {
        /// The file.
        path: PathBuf,
        /// What it has.
        length: ByteSize,
    },
    /// The manifest does not parse.
    #[error("{} does not parse", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: InvalidManifest,
    },
    /// The manifest is that of a core.
    #[error("{} describes core, not an app", path.display())]
    Core {
        /// The file.
        path: PathBuf,
    },
    /// The package was not written.
    #[error("the package was not written")]
    Write(#[source] WriteError),
}

impl ProjectError {
    /// What a person can do about it.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "run the command in an app's folder, or make one with `newleaf-sdk new`"
            }
            Self::Io { .. } => "check the path and its permissions",
            Self::LargeManifest { .. } | Self::Manifest { .. } => "mend manifest.json",
            Self::Core { .. } => {
                "set \"id\" to <namespace>/<app>; cores are published by the registry's people"
            }
            Self::Write(_) => "mend or remove the file that is named",
        }
    }

    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }
}

impl Project {
    /// Reads the manifest in `folder`.
    pub(crate) fn open(folder: &Path) -> Result<Self, ProjectError> {
        let path = folder.join(MANIFEST);
        let length = fs::metadata(&path).map_err(ProjectError::io("read", &path))?.len();
        if length > MAX_MANIFEST.as_u64() {
            return Err(ProjectError::LargeManifest { path, length: ByteSize::bytes(length) });
        }
        let manifest_bytes = fs::read(&path).map_err(ProjectError::io("read", &path))?;
        let manifest = match Manifest::parse(&manifest_bytes) {
            Ok(manifest) => manifest,
            Err(source) => return Err(ProjectError::Manifest { path, source }),
        };
        let name = match &manifest.id {
            Target::App(name) => name.clone(),
            Target::Core => return Err(ProjectError::Core { path }),
        };
        Ok(Self { folder: folder.to_owned(), manifest_bytes, manifest, name })
    }

    /// Every file that is packed, by member name, without the manifest and the component.
    pub(crate) fn files(&self) -> Result<Vec<(String, PathBuf)>, ProjectError> {
        let mut files = Vec::new();
        for name in FILES {
            let path = self.folder.join(name);
            if path.is_file() {
                files.push((name.to_owned(), path));
            }
        }
        for name in FOLDERS {
            let path = self.folder.join(name);
            if path.is_dir() {
                list(&path, name, &mut files)?;
            }
        }
        Ok(files)
    }

    /// Writes the package with the component `wasm` to `out`.
    pub(crate) fn pack(&self, wasm: &Path, out: &mut fs::File) -> Result<Written, ProjectError> {
        let mut writer = PackageWriter::new(self.manifest_bytes.clone(), Limits::app())
            .map_err(ProjectError::Write)?;
        writer.add_file(COMPONENT, wasm).map_err(ProjectError::Write)?;
        for (name, path) in self.files()? {
            writer.add_file(&name, &path).map_err(ProjectError::Write)?;
        }
        writer.write(out).map_err(ProjectError::Write)
    }
}

/// Adds every file below `folder` to `files`, under names below `prefix`. What is neither a file
/// nor a folder, or has no UTF-8 name, is added too, so that the writer refuses it by name.
fn list(
    folder: &Path,
    prefix: &str,
    files: &mut Vec<(String, PathBuf)>,
) -> Result<(), ProjectError> {
    for entry in fs::read_dir(folder).map_err(ProjectError::io("listed", folder))? {
        let entry = entry.map_err(ProjectError::io("listed", folder))?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = format!("{prefix}/{}", name.to_string_lossy());
        if entry.file_type().map_err(ProjectError::io("listed", folder))?.is_dir() {
            list(&path, &name, files)?;
        } else {
            files.push((name, path));
        }
    }
    Ok(())
}
