//! Tokens: what a publisher's program may do, and on which names.

use newleaf_domain::{InvalidWord, PackageName};
use serde::{Deserialize, Serialize};

/// What a token lets its bearer do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Claim a namespace.
    Claim,
    /// Upload files and send roles.
    Publish,
    /// Yank a release.
    Yank,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 3] = [Self::Claim, Self::Publish, Self::Yank];

    /// The text form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Publish => "publish",
            Self::Yank => "yank",
        }
    }

    /// Parses the text form.
    ///
    /// # Errors
    /// Another word.
    pub fn parse(text: &str) -> Result<Self, InvalidWord> {
        Self::ALL
            .into_iter()
            .find(|action| action.as_str() == text)
            .ok_or_else(|| InvalidWord::new("action", text, "claim, publish or yank"))
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for Action {
    type Err = InvalidWord;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// Which apps a token reaches: `*` (all of its publisher's), `acme/*`, or `acme/notes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamePattern {
    /// Every name.
    Any,
    /// Every app of one namespace, and the namespace itself.
    Namespace(newleaf_domain::Namespace),
    /// One app.
    App(PackageName),
}

impl NamePattern {
    /// Parses the text form.
    ///
    /// # Errors
    /// Another form; a `*` elsewhere than alone or as the app.
    pub fn parse(text: &str) -> Result<Self, InvalidWord> {
        if text == "*" {
            return Ok(Self::Any);
        }
        match text.strip_suffix("/*") {
            Some(namespace) => newleaf_domain::Namespace::parse(namespace).map(Self::Namespace),
            None => PackageName::parse(text).map(Self::App),
        }
        .map_err(|_| {
            InvalidWord::new("name pattern", text, "*, <namespace>/* or <namespace>/<app>")
        })
    }

    /// Whether the whole namespace is reached.
    pub fn reaches_namespace(&self, namespace: &newleaf_domain::Namespace) -> bool {
        match self {
            Self::Any => true,
            Self::Namespace(own) => own == namespace,
            Self::App(_) => false,
        }
    }

    /// Whether `app` is reached.
    pub fn reaches(&self, app: &PackageName) -> bool {
        match self {
            Self::Any => true,
            Self::Namespace(own) => *own == app.namespace(),
            Self::App(own) => own == app,
        }
    }
}

impl std::fmt::Display for NamePattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Namespace(namespace) => write!(f, "{namespace}/*"),
            Self::App(name) => name.fmt(f),
        }
    }
}

impl std::str::FromStr for NamePattern {
    type Err = InvalidWord;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// What one token may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    actions: Vec<Action>,
    names: NamePattern,
}

/// Why a scope cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a token needs at least one action")]
pub struct InvalidScope;

impl Scope {
    /// `actions` on `names`.
    ///
    /// # Errors
    /// No action at all.
    pub fn new(actions: &[Action], names: NamePattern) -> Result<Self, InvalidScope> {
        let mut actions = actions.to_vec();
        actions.sort_unstable();
        actions.dedup();
        if actions.is_empty() { Err(InvalidScope) } else { Ok(Self { actions, names }) }
    }

    /// The actions, sorted.
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// The names.
    pub const fn names(&self) -> &NamePattern {
        &self.names
    }

    /// Whether `action` is among the actions.
    pub fn allows(&self, action: Action) -> bool {
        self.actions.contains(&action)
    }
}

/// A token as its bearer holds it: `newleaf_` and 64 hex digits, 256 random bits. The prefix lets
/// scanners find one that was published by mistake. Never printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    const PREFIX: &'static str = "newleaf_";

    /// The token of 32 bytes from the system's random source.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(format!("{}{}", Self::PREFIX, newleaf_domain::Digest::from_bytes(bytes)))
    }

    /// Parses a token.
    ///
    /// # Errors
    /// Another form; the text itself is not in the error.
    pub fn parse(text: &str) -> Result<Self, InvalidWord> {
        let digits = text.strip_prefix(Self::PREFIX).unwrap_or_default();
        newleaf_domain::Digest::parse(digits)
            .map(|_| Self(text.to_owned()))
            .map_err(|_| InvalidWord::new("token", "…", "newleaf_ and 64 hex digits"))
    }

    /// The token itself, to be sent as `Authorization: Bearer …` (RFC 6750 §2.1).
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the registry stores of it.
    pub fn digest(&self) -> newleaf_domain::Digest {
        newleaf_domain::Digest::of(self.0.as_bytes())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_reaches_its_own_names_only() {
        let notes = PackageName::parse("acme/notes").unwrap();
        let reaches = |text: &str| NamePattern::parse(text).unwrap().reaches(&notes);
        assert!(reaches("*") && reaches("acme/*") && reaches("acme/notes"));
        assert!(!reaches("acme/note") && !reaches("acm/*"));
        for bad in ["", "ac*", "acme/n*", "*/notes", "acme"] {
            assert!(NamePattern::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = Secret::from_random([0xab; 32]);
        assert_eq!(Secret::parse(secret.reveal()).unwrap(), secret);
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        let half = &secret.reveal()[..40];
        assert!(!Secret::parse(half).unwrap_err().to_string().contains("abab"));
    }
}
