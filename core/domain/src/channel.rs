//! Channels: how finished a release is said to be.

use crate::{InvalidWord, text_word};

/// How finished a release is. A host that follows one channel also takes the steadier ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// For everyone.
    #[default]
    Stable,
    /// For those who help to find faults before a release.
    Beta,
    /// Built every night; may lose data.
    Nightly,
}

impl Channel {
    /// Parses `stable`, `beta` or `nightly`.
    pub fn parse(text: &str) -> Result<Self, InvalidWord> {
        match text {
            "stable" => Ok(Self::Stable),
            "beta" => Ok(Self::Beta),
            "nightly" => Ok(Self::Nightly),
            _ => Err(InvalidWord::new("channel", text, "stable, beta or nightly")),
        }
    }

    /// The text form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Beta => "beta",
            Self::Nightly => "nightly",
        }
    }

    /// What a person must understand before following it; none for stable.
    pub const fn warning(self) -> Option<&'static str> {
        match self {
            Self::Stable => None,
            Self::Beta => Some(
                "beta releases are not finished; they are for those who help to find faults and \
                 have a backup",
            ),
            Self::Nightly => Some(
                "nightly releases are built every night and tried by nobody before; they may lose \
                 data",
            ),
        }
    }

    /// Whether a host that follows `self` takes releases of `other`.
    pub fn takes(self, other: Self) -> bool {
        other <= self
    }
}
text_word!(Channel);
