//! The words of Newleaf, each parsed once at the edge and then trusted.
//!
//! Pure: no file, no socket, no clock. Whatever a word needs from outside (the time, say) is a
//! parameter, so that every crate above can be tested to the second.

pub mod abi;
pub mod address;
pub mod capability;
pub mod channel;
pub mod clock;
pub mod consent;
pub mod digest;
pub mod display;
pub mod edition;
pub mod failure;
pub mod host_name;
pub mod id;
pub mod job;
pub mod language;
pub mod manifest;
pub mod name;
pub mod platform;
pub mod release;
pub mod reuse;
pub mod shell;
pub mod size;
pub mod target;
pub mod version;

pub use abi::AbiVersion;
pub use address::{AppAddresses, AppHosts, AppOrigin, PublicAddress};
pub use capability::{Capability, Grant, GrantChange, Grants};
pub use channel::Channel;
pub use clock::{Clock, FixedClock, Timestamp};
pub use consent::Difference;
pub use digest::Digest;
pub use edition::Edition;
pub use host_name::HostName;
pub use id::{PlanId, UpdateId};
pub use job::JobName;
pub use language::Language;
pub use manifest::{BinaryRecord, Manifest};
pub use name::{Namespace, PackageName};
pub use platform::Platform;
pub use release::{Release, ReleasePath};
pub use reuse::Reuse;
pub use size::ByteSize;
pub use target::Target;
pub use version::{Version, VersionReq};

/// Why a word could not be parsed: what was given, and the form that is expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} cannot be read as {word}: expected {expected}")]
pub struct InvalidWord {
    /// The word that was wanted, such as `version`.
    pub word: &'static str,
    /// What was given, cut to 120 characters.
    pub given: String,
    /// The form that would have been accepted.
    pub expected: &'static str,
}

impl InvalidWord {
    /// An error that quotes at most 120 characters of `given`.
    pub fn new(word: &'static str, given: &str, expected: &'static str) -> Self {
        Self { word, given: given.chars().take(120).collect(), expected }
    }
}

/// Gives a newtype its `Display`, `FromStr` and serde forms from `as_str` and `parse`.
macro_rules! text_word {
    ($type:ty) => {
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
        impl std::str::FromStr for $type {
            type Err = $crate::InvalidWord;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use text_word;
