//! Advisories: what the registry's online key may say against a release. They can only deny; no
//! advisory makes anything trusted.

use newleaf_domain::{Digest, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::TrustError;
use crate::canonical::parse_strict;
use crate::role::TargetFile;

/// What an advisory asks for. Signed by the online key, each of them only flags a release and stops
/// new installs of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdvisoryKind {
    /// Its author or the registry advises against the release.
    Yank,
    /// No further host is to be offered the release for now.
    HaltRollout,
    /// The release is harmful.
    Revoke,
    /// A kind of a newer writer; obeyed as [`AdvisoryKind::Yank`], since advisories only deny.
    #[serde(other)]
    Unknown,
}

/// One entry of `meta/advisories.json`; about a path, a digest, or both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Advisory {
    /// What is asked for.
    pub kind: AdvisoryKind,
    /// The release's target path, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The release's SHA-256, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// Why, in a sentence.
    pub reason: String,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Members of newer writers.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Advisory {
    /// Whether the advisory is about `target`: any of what it names fits, so that a harmful file
    /// is flagged under every name.
    pub fn is_about(&self, target: &TargetFile) -> bool {
        self.path.as_ref() == Some(&target.path) || self.sha256 == Some(target.sha256)
    }
}

/// The registry's list of advisories.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Advisories(Vec<Advisory>);

impl Advisories {
    /// A list of `entries`.
    pub fn new(entries: Vec<Advisory>) -> Self {
        Self(entries)
    }

    /// Parses the list's file.
    ///
    /// # Errors
    /// Not the JSON of such a list.
    pub fn parse(bytes: &[u8]) -> Result<Self, TrustError> {
        let malformed = |reason: &dyn std::fmt::Display| {
            TrustError::malformed(crate::layout::ADVISORIES_PATH, reason)
        };
        let value = parse_strict(bytes).map_err(|error| malformed(&error))?;
        serde_json::from_value(value).map_err(|error| malformed(&error))
    }

    /// The list's file.
    ///
    /// # Errors
    /// An entry of a newer writer holds what canonical JSON cannot.
    pub fn to_bytes(&self) -> Result<Vec<u8>, crate::sign::SignError> {
        crate::sign::canonical_of(self)
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = &Advisory> {
        self.0.iter()
    }

    /// The entries about `target`.
    pub fn about<'a>(&'a self, target: &'a TargetFile) -> impl Iterator<Item = &'a Advisory> {
        self.0.iter().filter(|advisory| advisory.is_about(target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_kind_is_kept_as_a_denial() {
        let list = Advisories::parse(
            br#"[{"kind":"quarantine","path":"apps/acme/notes/1.0.0/notes.zip","reason":"r","x":1}]"#,
        )
        .unwrap();
        assert_eq!(list.iter().next().unwrap().kind, AdvisoryKind::Unknown);
    }

    #[test]
    fn a_list_prints_as_it_was_parsed() {
        let text = br#"[{"kind":"halt-rollout","path":"core/community/1.1.0/x86_64-linux-gnu.zip","reason":"r"}]"#;
        assert_eq!(Advisories::parse(text).unwrap().to_bytes().unwrap(), text);
    }
}
