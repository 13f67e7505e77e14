//! The version of the contract between host and app.

use crate::{InvalidWord, text_word};

/// A version of the WIT package `newleaf:app`, `<major>.<minor>`; additive within a major.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AbiVersion {
    major: u32,
    minor: u32,
    text: String,
}

impl AbiVersion {
    /// The newest contract this source tree speaks.
    pub fn current() -> Self {
        Self::new(1, 1)
    }

    /// A version of the two numbers.
    pub fn new(major: u32, minor: u32) -> Self {
        Self { major, minor, text: format!("{major}.{minor}") }
    }

    /// Parses `<major>.<minor>`.
    pub fn parse(text: &str) -> Result<Self, InvalidWord> {
        let invalid = || InvalidWord::new("ABI version", text, "<major>.<minor>, such as 1.0");
        let (major, minor) = text.split_once('.').ok_or_else(invalid)?;
        let parsed =
            Self::new(major.parse().map_err(|_| invalid())?, minor.parse().map_err(|_| invalid())?);
        if parsed.text == text { Ok(parsed) } else { Err(invalid()) }
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a host that speaks `self` can run an app made for `wanted`.
    pub fn runs(&self, wanted: &Self) -> bool {
        self.major == wanted.major && self.minor >= wanted.minor
    }
}
text_word!(AbiVersion);
