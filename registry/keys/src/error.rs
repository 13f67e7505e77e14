//! Why the ceremony stopped. Nothing was signed when one of these is returned.

use std::path::PathBuf;

use newleaf_domain::manifest::InvalidManifest;
use newleaf_package::{PackageError, WriteError};
use newleaf_trust::TrustError;
use newleaf_trust::key::KeyError;
use newleaf_trust::sign::SignError;

/// A fault of the ceremony.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried: `read`, `create`, `write`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The folder already holds a ceremony; its keys are never overwritten.
    #[error("{} already holds keys", path.display())]
    AlreadyThere {
        /// The folder.
        path: PathBuf,
    },
    /// A key file cannot be used.
    #[error("key file {} cannot be used", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: KeyError,
    },
    /// The folder's `ceremony.json` does not have its form.
    #[error("{} does not have the form of a ceremony", path.display())]
    Ceremony {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The ceremony knows no such role.
    #[error("the ceremony in {} names no keys for role {role}", path.display())]
    UnknownRole {
        /// The keys' folder.
        path: PathBuf,
        /// The role.
        role: String,
    },
    /// None of a role's keys lies in the folder.
    #[error("{} holds none of the keys of role {role}", path.display())]
    NoKey {
        /// The keys' folder.
        path: PathBuf,
        /// The role.
        role: String,
    },
    /// A role cannot need more keys than it has.
    #[error("role {role} would need {threshold} of {keys} keys")]
    Quorum {
        /// The role.
        role: String,
        /// Keys it would have.
        keys: usize,
        /// Keys it would need.
        threshold: u32,
    },
    /// The system gave no randomness for a new key.
    #[error("the system gave no random bytes for a new key: {0}")]
    Random(getrandom::Error),
    /// The role to continue was not signed by this ceremony's keys; it is not continued.
    #[error("the current {role}.json is not this ceremony's")]
    Current {
        /// The role.
        role: String,
        /// Why it is refused.
        #[source]
        source: TrustError,
    },
    /// The new role could not be signed.
    #[error("role {role} cannot be signed")]
    Sign {
        /// The role.
        role: String,
        /// Why.
        #[source]
        source: SignError,
    },
    /// A file is not a core package.
    #[error("{} is not a package", path.display())]
    Package {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: PackageError,
    },
    /// A package's manifest has no signed form.
    #[error("the manifest of {} cannot be signed", path.display())]
    Manifest {
        /// The package.
        path: PathBuf,
        /// Why.
        #[source]
        source: InvalidManifest,
    },
    /// A package is not named after its platform, or is not a core package.
    #[error("{} is no core package: {reason}", path.display())]
    NotCore {
        /// The package.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A manifest is not JSON.
    #[error("{} is not JSON", path.display())]
    ManifestForm {
        /// The file.
        path: PathBuf,
        /// Where it stops being JSON.
        #[source]
        source: serde_json::Error,
    },
    /// A core package could not be written.
    #[error("cannot pack {}", path.display())]
    Pack {
        /// The package to be.
        path: PathBuf,
        /// Why.
        #[source]
        source: WriteError,
    },
    /// A path that was released with other bytes; releases never change.
    #[error("{target} was released before with other bytes")]
    Released {
        /// The target path.
        target: String,
    },
    /// Two of the given packages bring the same text in two forms.
    #[error("two packages bring different texts for {target}")]
    TextsDiffer {
        /// The target path.
        target: String,
    },
}

impl KeysError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Io { .. } => "check that the folder exists and belongs to you",
            Self::AlreadyThere { .. } => "name a new folder; keys are never overwritten",
            Self::Key { .. } | Self::Ceremony { .. } => "take the file from a backup of the keys",
            Self::UnknownRole { .. } | Self::NoKey { .. } => {
                "bring the folder of a holder of this role's keys"
            }
            Self::Quorum { .. } => "make at least as many keys as must sign",
            Self::Random(_) => "try again on a machine with a working random source",
            Self::Current { .. } => "fetch the newest role file from your own registry and compare",
            Self::Sign { .. } => "this is a fault of the program; report it",
            Self::Package { .. } | Self::Manifest { .. } => "build the package again",
            Self::ManifestForm { .. } => "mend the file; a JSON parser says where",
            Self::Pack { .. } => "check that the parts can be read and the disk is not full",
            Self::NotCore { .. } => "name core packages <platform>.zip, as x86_64-linux-gnu.zip",
            Self::Released { .. } => "give the release a new version",
            Self::TextsDiffer { .. } => "build all platforms of a version from the same sources",
        }
    }
}
