//! Versions and ranges of versions, as Semantic Versioning 2.0.0 has them.

use crate::{InvalidWord, text_word};

/// A release's version: SemVer 2.0.0 without build metadata, at most 64 bytes.
///
/// Build metadata is refused because two versions that differ only there have the same
/// precedence (SemVer §10), so neither could be said to be newer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    inner: semver::Version,
    text: String,
}

impl Version {
    /// Parses the text form.
    pub fn parse(text: &str) -> Result<Self, InvalidWord> {
        let invalid =
            || InvalidWord::new("version", text, "SemVer without build metadata, such as 1.4.0");
        if text.len() > 64 {
            return Err(invalid());
        }
        let inner = semver::Version::parse(text).map_err(|_| invalid())?;
        if !inner.build.is_empty() {
            return Err(invalid());
        }
        Ok(Self { text: inner.to_string(), inner })
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The parts, for comparisons that need them.
    pub fn semver(&self) -> &semver::Version {
        &self.inner
    }

    /// Whether the version has a pre-release part (SemVer §9).
    pub fn is_prerelease(&self) -> bool {
        !self.inner.pre.is_empty()
    }

    /// How far `self` is from the older `from`: what the portal prints beside an offer.
    pub fn step_from(&self, from: &Self) -> Step {
        if self.inner.major != from.inner.major {
            Step::Major
        } else if self.inner.minor != from.inner.minor {
            Step::Minor
        } else {
            Step::Patch
        }
    }
}
text_word!(Version);

/// The largest part in which two versions differ.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// The third number or the pre-release part.
    Patch,
    /// The second number.
    Minor,
    /// The first number: expect to read the notes.
    Major,
}

/// A range of versions in Cargo's syntax, such as `>=1.0, <3`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VersionReq {
    inner: semver::VersionReq,
    text: String,
}

impl VersionReq {
    /// Parses the text form.
    pub fn parse(text: &str) -> Result<Self, InvalidWord> {
        let inner = semver::VersionReq::parse(text)
            .map_err(|_| InvalidWord::new("version range", text, "ranges such as >=1.0, <3"))?;
        Ok(Self { inner, text: text.to_owned() })
    }

    /// The text form, as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether `version` lies in the range. A pre-release counts as the release it leads to, so
    /// that a beta core may be tried with the apps made for that release.
    pub fn matches(&self, version: &Version) -> bool {
        let mut plain = version.inner.clone();
        plain.pre = semver::Prerelease::EMPTY;
        self.inner.matches(&version.inner) || self.inner.matches(&plain)
    }
}
text_word!(VersionReq);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_metadata_is_refused() {
        assert!(Version::parse("1.0.0+build.1").is_err());
    }

    #[test]
    fn precedence_follows_semver() {
        let order = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta", "1.0.0", "1.0.1", "1.10.0"];
        let versions: Vec<_> = order.iter().map(|v| Version::parse(v).unwrap()).collect();
        assert!(versions.is_sorted());
    }
}
