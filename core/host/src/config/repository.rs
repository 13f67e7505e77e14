//! Where releases come from.

use newleaf_domain::ByteSize;
use newleaf_update::Checks;
use serde::Deserialize;

use super::{ProxySetting, Seconds};

/// The repository of signed releases.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repository {
    /// Its address; metadata stands below `tuf/`, packages below `targets/`.
    pub url: RepositoryUrl,
    /// Whether the host looks for updates by itself.
    #[serde(default)]
    pub check: Checks,
    /// How old the last look at the repository may be before a plan looks again.
    #[serde(default = "fresh_for")]
    pub fresh_for: Seconds,
    /// Further addresses of the same files, asked in this order where the first one fails.
    #[serde(default)]
    pub mirrors: Vec<RepositoryUrl>,
    /// Through which proxy it is reached.
    #[serde(default)]
    pub proxy: ProxySetting,
    /// How long a download may stand still before it is taken up again. It may take as long as it
    /// takes altogether.
    #[serde(default = "stall")]
    pub stall: Seconds,
    /// Bytes a second that downloads may take; none for as many as come.
    #[serde(default)]
    pub rate: Option<Rate>,
}

const fn fresh_for() -> Seconds {
    Seconds::new(300)
}

const fn stall() -> Seconds {
    Seconds::new(30)
}

/// Bytes a second; at least 1024, or a download would never end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(ByteSize);

impl Rate {
    /// Bytes in each second.
    pub const fn a_second(self) -> ByteSize {
        self.0
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            bytes if bytes >= 1024 => Ok(Self(ByteSize::bytes(bytes))),
            bytes => Err(serde::de::Error::invalid_value(
                serde::de::Unexpected::Unsigned(bytes),
                &"at least 1024 bytes a second",
            )),
        }
    }
}

/// Address of a repository: `https://…`, `http://…` or `file:///…`, without a slash at the end.
///
/// Plain HTTP is accepted because signatures, not the transport, decide what is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryUrl(String);

impl RepositoryUrl {
    /// Parses the text form; slashes at the end are dropped.
    ///
    /// # Errors
    /// Another scheme, no host or path, or a query, fragment, space or control character.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let trimmed = text.trim_end_matches('/');
        let rest = ["https://", "http://", "file:///"]
            .iter()
            .find_map(|scheme| trimmed.strip_prefix(scheme));
        let clean = |rest: &str| {
            !rest.is_empty()
                && !rest.contains(['?', '#', ' ', '@', '\\'])
                && !rest.contains(char::is_control)
        };
        match rest {
            Some(rest) if clean(rest) => Ok(Self(trimmed.to_owned())),
            _ => Err(InvalidUrl { given: text.chars().take(200).collect() }),
        }
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is no address of a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a repository address: expected https://…, http://… or file:///…")]
pub struct InvalidUrl {
    /// What was given, cut to 200 characters.
    given: String,
}

impl std::fmt::Display for RepositoryUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}
impl std::str::FromStr for RepositoryUrl {
    type Err = InvalidUrl;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}
impl<'de> Deserialize<'de> for RepositoryUrl {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::RepositoryUrl;

    #[test]
    fn only_addresses_of_folders_are_taken() {
        assert_eq!(
            RepositoryUrl::parse("https://a.example.com/x/").unwrap().as_str(),
            "https://a.example.com/x"
        );
        for bad in [
            "",
            "https://",
            "ftp://a",
            "file://host/x",
            "https://a/x?y",
            "https://u@a",
            "/srv/updates",
        ] {
            assert!(RepositoryUrl::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
