//! Releases: where one stands in a repository, and what its signer says beside the manifest.

use serde::{Deserialize, Serialize};

use crate::{Channel, Edition, InvalidWord, PackageName, Platform, Target, Timestamp, Version};

/// `custom.release` of a signed role. It belongs to the role alone and may change in the role's
/// next version for the same digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// How finished the release is said to be.
    #[serde(default)]
    pub channel: Channel,
    /// Percent of hosts that are offered it, 0 to 100.
    #[serde(default = "everyone")]
    pub rollout: u8,
    /// When it was published.
    pub published: Timestamp,
    /// The oldest version that a host which runs this release, or a newer one, may go back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<Version>,
}

const fn everyone() -> u8 {
    100
}

/// The target path of a release (TUF §4.5 `TARGETPATH`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReleasePath {
    /// `core/<edition>/<version>/<platform>.zip`
    Core {
        /// The product's edition.
        edition: Edition,
        /// The release's version.
        version: Version,
        /// What it runs on.
        platform: Platform,
    },
    /// `apps/<namespace>/<app>/<version>/<app>.zip`
    App {
        /// The app.
        name: PackageName,
        /// The release's version.
        version: Version,
    },
}

impl ReleasePath {
    /// Parses a target path; paths of READMEs, icons and the like are not release paths.
    pub fn parse(path: &str) -> Result<Self, InvalidWord> {
        let invalid = || {
            InvalidWord::new(
                "release path",
                path,
                "core/<edition>/<version>/<platform>.zip or apps/<ns>/<app>/<version>/<app>.zip",
            )
        };
        let parts = path.split('/').collect::<Vec<_>>();
        match parts[..] {
            ["core", edition, version, file] => Ok(Self::Core {
                edition: Edition::parse(edition)?,
                version: Version::parse(version)?,
                platform: Platform::parse(file.strip_suffix(".zip").ok_or_else(invalid)?)?,
            }),
            ["apps", namespace, app, version, file] if file.strip_suffix(".zip") == Some(app) => {
                Ok(Self::App {
                    name: PackageName::parse(&format!("{namespace}/{app}"))?,
                    version: Version::parse(version)?,
                })
            }
            _ => Err(invalid()),
        }
    }

    /// The release's version.
    pub const fn version(&self) -> &Version {
        match self {
            Self::Core { version, .. } | Self::App { version, .. } => version,
        }
    }

    /// What it is a release of.
    pub fn target(&self) -> Target {
        match self {
            Self::Core { .. } => Target::Core,
            Self::App { name, .. } => Target::App(name.clone()),
        }
    }
}

impl std::fmt::Display for ReleasePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Core { edition, version, platform } => {
                write!(f, "core/{edition}/{version}/{platform}.zip")
            }
            Self::App { name, version } => write!(f, "apps/{name}/{version}/{}.zip", name.app()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ReleasePath;

    #[test]
    fn a_path_prints_as_it_was_parsed() {
        for path in ["core/community/1.1.0/x86_64-linux-gnu.zip", "apps/acme/notes/2.0.0/notes.zip"]
        {
            assert_eq!(ReleasePath::parse(path).unwrap().to_string(), path);
        }
        for bad in
            ["apps/acme/notes/2.0.0/other.zip", "core/../1.0.0/x.zip", "apps/acme/notes/2.0.0"]
        {
            assert!(ReleasePath::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
