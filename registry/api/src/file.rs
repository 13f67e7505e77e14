//! The files of a release: which an author may send, under which names, and how large.

use newleaf_domain::{ByteSize, Digest, InvalidWord, Namespace, PackageName, ReleasePath, Version};
use serde::{Deserialize, Serialize};

/// What a file of a release is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// `<app>.zip`: what a host installs.
    Package,
    /// `manifest.json`: the package's own, with the texts that people read.
    Manifest,
    /// `README.md`.
    Readme,
    /// `CHANGELOG.md`.
    Changelog,
    /// `icon.svg`.
    Icon,
}

impl FileKind {
    /// All kinds, the package first.
    pub const ALL: [Self; 5] =
        [Self::Package, Self::Manifest, Self::Readme, Self::Changelog, Self::Icon];

    /// The file's name in a release of `app`.
    pub fn file_name(self, app: &str) -> String {
        match self {
            Self::Package => format!("{app}.zip"),
            Self::Manifest => "manifest.json".to_owned(),
            Self::Readme => "README.md".to_owned(),
            Self::Changelog => "CHANGELOG.md".to_owned(),
            Self::Icon => "icon.svg".to_owned(),
        }
    }

    /// The most it may have: 64 MiB for a package, 64 KiB for a manifest or an icon, 1 MiB for a
    /// text.
    pub const fn limit(self) -> ByteSize {
        match self {
            Self::Package => ByteSize::mib(64),
            Self::Manifest | Self::Icon => ByteSize::kib(64),
            Self::Readme | Self::Changelog => ByteSize::mib(1),
        }
    }
}

/// The target path of one file of an app's release: `apps/<ns>/<app>/<version>/<file>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseFile {
    /// The app.
    pub app: PackageName,
    /// The release's version.
    pub version: Version,
    /// Which of its files.
    pub kind: FileKind,
}

impl ReleaseFile {
    /// Parses a target path.
    ///
    /// # Errors
    /// Another form, or a file name that is none of [`FileKind::file_name`].
    pub fn parse(path: &str) -> Result<Self, InvalidWord> {
        let expected = "apps/<ns>/<app>/<version>/ and <app>.zip, manifest.json, README.md, \
                        CHANGELOG.md or icon.svg";
        let invalid = || InvalidWord::new("path of a release's file", path, expected);
        let ["apps", namespace, app, version, file] = path.split('/').collect::<Vec<_>>()[..]
        else {
            return Err(invalid());
        };
        let kind = FileKind::ALL.into_iter().find(|kind| kind.file_name(app) == file);
        Ok(Self {
            app: PackageName::parse(&format!("{namespace}/{app}"))?,
            version: Version::parse(version)?,
            kind: kind.ok_or_else(invalid)?,
        })
    }

    /// The author's namespace.
    pub fn namespace(&self) -> Namespace {
        self.app.namespace()
    }

    /// The release's package, of which this may be a companion.
    pub fn release(&self) -> ReleasePath {
        ReleasePath::App { name: self.app.clone(), version: self.version.clone() }
    }

    /// Another file of the same release.
    #[must_use]
    pub fn sibling(&self, kind: FileKind) -> Self {
        Self { app: self.app.clone(), version: self.version.clone(), kind }
    }
}

impl std::fmt::Display for ReleaseFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "apps/{}/{}/{}", self.app, self.version, self.kind.file_name(self.app.app()))
    }
}

/// The answer to an uploaded file (201): what is kept aside until a role lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// The target path it was sent to.
    pub path: String,
    /// Its length.
    pub length: ByteSize,
    /// Its digest.
    pub sha256: Digest,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_prints_as_it_was_parsed() {
        for file in ["notes.zip", "manifest.json", "README.md", "CHANGELOG.md", "icon.svg"] {
            let path = format!("apps/acme/notes/2.0.0/{file}");
            assert_eq!(ReleaseFile::parse(&path).unwrap().to_string(), path);
        }
    }

    #[test]
    fn a_path_outside_a_release_is_refused() {
        let bad = [
            "core/community/1.0.0/x86_64-linux-gnu.zip",
            "apps/acme/notes/2.0.0/other.zip",
            "apps/acme/notes/2.0.0/../notes.zip",
            "apps/acme/notes/latest/notes.zip",
            "apps/acme/notes/2.0.0/index.html",
            "meta/advisories.json",
        ];
        for path in bad {
            assert!(ReleaseFile::parse(path).is_err(), "{path:?} was accepted");
        }
    }
}
