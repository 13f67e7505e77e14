//! What the rules look at: the same of a folder and of a package.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use newleaf_domain::{ByteSize, Manifest};
use newleaf_package::{Limits, PackageError, PackageReader};
use newleaf_plugin_host::{InspectError, Inspection, inspect};
use newleaf_registry_api::FileKind;

use crate::project::{COMPONENT, Project, ProjectError};

/// An app, as far as its files say.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) manifest: Manifest,
    /// Members and their lengths, the manifest among them.
    pub(crate) members: BTreeMap<String, ByteSize>,
    /// `CHANGELOG.md` and `icon.svg`, where they are there and not too large.
    pub(crate) texts: BTreeMap<&'static str, Vec<u8>>,
    pub(crate) component: Component,
    /// The component's file, where it is one.
    pub(crate) wasm: Option<Wasm>,
}

/// Where the component lies.
#[derive(Debug)]
pub(crate) enum Wasm {
    /// In the app's folder.
    At(PathBuf),
    /// Taken out of a package; goes away with this.
    Unpacked(tempfile::NamedTempFile),
}

impl Wasm {
    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::At(path) => path,
            Self::Unpacked(file) => file.path(),
        }
    }
}

/// The component.
#[derive(Debug)]
pub(crate) enum Component {
    /// What it imports and exports.
    Inspected(Inspection),
    /// It is not one.
    Unfit(InspectError),
    /// A folder that has not been built: `build` looks at it.
    NotBuilt,
    /// A package without one.
    Missing,
}

/// Why there is nothing to look at. Completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContentsError {
    /// The folder.
    #[error(transparent)]
    Project(ProjectError),
    /// The package breaks a rule of its format.
    #[error("{} is not a package", path.display())]
    Package {
        /// The file.
        path: PathBuf,
        /// The rule.
        #[source]
        source: PackageError,
    },
    /// A file could not be read.
    #[error("{} could not be read", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
}

impl ContentsError {
    /// What a person can do about it.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Project(error) => error.hint(),
            Self::Package { source, .. } => source.hint(),
            Self::Io { .. } => "check the path and its permissions",
        }
    }
}

/// Texts that a rule looks into.
const TEXTS: [(&str, FileKind); 2] =
    [("CHANGELOG.md", FileKind::Changelog), ("icon.svg", FileKind::Icon)];

impl Contents {
    /// Of a folder or a package, whichever `path` is.
    pub(crate) fn of(path: &Path) -> Result<Self, ContentsError> {
        if path.is_dir() { Self::of_folder(path) } else { Self::of_package(path) }
    }

    fn of_folder(folder: &Path) -> Result<Self, ContentsError> {
        let project = Project::open(folder).map_err(ContentsError::Project)?;
        let mut members =
            BTreeMap::from([length_of("manifest.json", &folder.join("manifest.json"))?]);
        for (name, path) in project.files().map_err(ContentsError::Project)? {
            members.extend([length_of(&name, &path)?]);
        }
        let wasm = folder.join(COMPONENT);
        let is_there = wasm.is_file();
        let component = if is_there {
            members.extend([length_of(COMPONENT, &wasm)?]);
            inspected(&wasm)
        } else {
            Component::NotBuilt
        };
        let mut texts = BTreeMap::new();
        for (name, kind) in TEXTS {
            if members.get(name).is_some_and(|length| *length <= kind.limit()) {
                let path = folder.join(name);
                let bytes = fs::read(&path).map_err(|source| ContentsError::Io { path, source })?;
                texts.insert(name, bytes);
            }
        }
        let wasm = is_there.then_some(Wasm::At(wasm));
        Ok(Self { manifest: project.manifest, members, texts, component, wasm }.of_what_runs())
    }

    fn of_package(path: &Path) -> Result<Self, ContentsError> {
        let refused = |source| ContentsError::Package { path: path.to_owned(), source };
        let unreadable = |source| ContentsError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(unreadable)?;
        let mut reader = PackageReader::open(file, Limits::app()).map_err(refused)?;
        reader.check_contents().map_err(refused)?;
        let manifest = reader.manifest().map_err(refused)?.manifest;
        let members = reader
            .members()
            .iter()
            .map(|member| (member.name.to_string(), member.size))
            .collect::<BTreeMap<_, _>>();
        let mut texts = BTreeMap::new();
        for (name, kind) in TEXTS {
            if members.get(name).is_some_and(|length| *length <= kind.limit()) {
                texts.insert(name, reader.read_member(name, kind.limit()).map_err(refused)?);
            }
        }
        let (component, wasm) = if members.contains_key(COMPONENT) {
            let mut wasm = tempfile::NamedTempFile::new().map_err(unreadable)?;
            reader.copy_member(COMPONENT, &mut wasm).map_err(refused)?;
            (inspected(wasm.path()), Some(Wasm::Unpacked(wasm)))
        } else {
            (Component::Missing, None)
        };
        Ok(Self { manifest, members, texts, component, wasm }.of_what_runs())
    }

    /// Forgets the file of what is no component: nothing can be done with it.
    fn of_what_runs(mut self) -> Self {
        if !matches!(self.component, Component::Inspected(_)) {
            self.wasm = None;
        }
        self
    }
}

fn inspected(wasm: &Path) -> Component {
    match inspect(wasm) {
        Ok(inspection) => Component::Inspected(inspection),
        Err(error) => Component::Unfit(error),
    }
}

fn length_of(name: &str, path: &Path) -> Result<(String, ByteSize), ContentsError> {
    match fs::metadata(path) {
        Ok(metadata) => Ok((name.to_owned(), ByteSize::bytes(metadata.len()))),
        Err(source) => Err(ContentsError::Io { path: path.to_owned(), source }),
    }
}
