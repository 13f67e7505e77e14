//! A finished package and the texts beside it, as they are signed and sent.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use newleaf_domain::manifest::InvalidManifest;
use newleaf_domain::{
    ByteSize, Channel, Manifest, PackageName, Release, Target, Timestamp, Version,
};
use newleaf_package::{Limits, PackageError, PackageReader};
use newleaf_registry_api::{FileKind, ReleaseFile};
use newleaf_trust::artifact::Hashes;
use newleaf_trust::role::TargetRecord;
use serde_json::json;

/// One file of the release.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) file: ReleaseFile,
    pub(crate) bytes: Vec<u8>,
    pub(crate) hashes: Hashes,
}

/// A release to be published: the package first, then its texts.
#[derive(Debug)]
pub(crate) struct NewRelease {
    pub(crate) name: PackageName,
    pub(crate) version: Version,
    pub(crate) uploads: Vec<Upload>,
    manifest_bytes: Vec<u8>,
}

/// Why a package cannot be published. Completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReleaseError {
    /// The file could not be read.
    #[error("{} could not be read", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// It is not a package.
    #[error("{} is not a package", path.display())]
    Package {
        /// The file.
        path: PathBuf,
        /// The rule it breaks.
        #[source]
        source: PackageError,
    },
    /// It is a core's package.
    #[error("{} is a package of core; cores are published by the registry's people", path.display())]
    Core {
        /// The file.
        path: PathBuf,
    },
    /// The manifest has no signed form.
    #[error("the manifest has no signed form")]
    Manifest(#[source] InvalidManifest),
    /// A time has no JSON form.
    #[error("the release has no JSON form")]
    Json(#[source] serde_json::Error),
}

/// Texts that are published beside the package, and the member each is.
const COMPANIONS: [FileKind; 4] =
    [FileKind::Manifest, FileKind::Readme, FileKind::Changelog, FileKind::Icon];

impl NewRelease {
    /// Reads the package at `path`, whole: what is signed is what was read.
    pub(crate) fn read(path: &Path) -> Result<Self, ReleaseError> {
        let unreadable = |source| ReleaseError::Io { path: path.to_owned(), source };
        let refused = |source| ReleaseError::Package { path: path.to_owned(), source };
        let limit = Limits::app().total.as_u64();
        let mut bytes = Vec::new();
        // One byte more than allowed is enough for the reader to refuse it.
        let mut file = File::open(path).map_err(unreadable)?.take(limit + 1);
        file.read_to_end(&mut bytes).map_err(unreadable)?;
        let mut reader =
            PackageReader::open(io::Cursor::new(bytes), Limits::app()).map_err(refused)?;
        let member = reader.manifest().map_err(refused)?;
        let Manifest { id, version, .. } = member.manifest;
        let Target::App(name) = id else {
            return Err(ReleaseError::Core { path: path.to_owned() });
        };
        let mut texts = Vec::new();
        for kind in COMPANIONS {
            let member = kind.file_name(name.app());
            if reader.member(&member).is_some() {
                texts.push((kind, reader.read_member(&member, kind.limit()).map_err(refused)?));
            }
        }
        let package = (FileKind::Package, reader.into_inner().into_inner());
        let upload = |(kind, bytes): (FileKind, Vec<u8>)| Upload {
            file: ReleaseFile { app: name.clone(), version: version.clone(), kind },
            hashes: Hashes::of(&bytes),
            bytes,
        };
        let uploads = std::iter::once(package).chain(texts).map(upload).collect();
        Ok(Self {
            name: name.clone(),
            version: version.clone(),
            uploads,
            manifest_bytes: member.bytes,
        })
    }

    /// What the role lists: each file by its path, the package with its description.
    pub(crate) fn records(
        &self,
        channel: Channel,
        rollout: u8,
        now: Timestamp,
    ) -> Result<Vec<(ReleaseFile, TargetRecord)>, ReleaseError> {
        let manifest =
            Manifest::signed_form(&self.manifest_bytes).map_err(ReleaseError::Manifest)?;
        let release =
            serde_json::to_value(Release { channel, rollout, published: now, floor: None })
                .map_err(ReleaseError::Json)?;
        let custom = json!({ "manifest": manifest, "release": release });
        let record = |upload: &Upload| {
            let length = ByteSize::bytes(upload.bytes.len() as u64);
            let custom = match upload.file.kind {
                FileKind::Package => custom.clone(),
                FileKind::Manifest | FileKind::Readme | FileKind::Changelog | FileKind::Icon => {
                    serde_json::Value::Null
                }
            };
            (upload.file.clone(), TargetRecord::new(length, &upload.hashes, custom))
        };
        Ok(self.uploads.iter().map(record).collect())
    }

    /// Bytes that are sent.
    pub(crate) fn upload_size(&self) -> ByteSize {
        ByteSize::bytes(self.uploads.iter().map(|upload| upload.bytes.len() as u64).sum())
    }
}
