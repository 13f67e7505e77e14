//! Errors as `application/problem+json` (RFC 9457): one code each, the field at fault, a remedy.

use serde::{Deserialize, Serialize};

/// The media type of every error.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What went wrong, for programs: stable names, each with one status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// 400: the request does not have the form of one.
    Malformed,
    /// 401: no token, or one that is unknown, expired or revoked.
    NotSignedIn,
    /// 403: the token does not reach this action on this name.
    OutOfScope,
    /// 404: no such thing.
    NotFound,
    /// 408: the body did not arrive in time.
    TooSlow,
    /// 409: another version is current than the one the sender has seen; read again, sign again.
    VersionConflict,
    /// 409: the namespace belongs to somebody.
    NamespaceTaken,
    /// 412: `If-Match` can match no version.
    PreconditionFailed,
    /// 413: more bytes than allowed.
    TooLarge,
    /// 422: the body is not what its `Content-Digest` says.
    DigestMismatch,
    /// 422: the role breaks a rule; `field` names it.
    RoleRefused,
    /// 422: a package breaks a rule; `field` names it.
    PackageRefused,
    /// 422: a name, version or digest was used before; it is never used again.
    AlreadyReleased,
    /// 428: `If-Match` is required.
    PreconditionRequired,
    /// 500: the registry's own fault; its log says more.
    Internal,
    /// 503: the registry is starting or stopping, or its disk is in trouble.
    Unavailable,
    /// A code of a newer registry.
    #[serde(other)]
    Unknown,
}

impl Code {
    /// The HTTP status (RFC 9110 §15) that goes with the code.
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::NotSignedIn => 401,
            Self::OutOfScope => 403,
            Self::NotFound => 404,
            Self::TooSlow => 408,
            Self::VersionConflict | Self::NamespaceTaken => 409,
            Self::PreconditionFailed => 412,
            Self::TooLarge => 413,
            Self::DigestMismatch
            | Self::RoleRefused
            | Self::PackageRefused
            | Self::AlreadyReleased => 422,
            Self::PreconditionRequired => 428,
            Self::Internal | Self::Unknown => 500,
            Self::Unavailable => 503,
        }
    }

    /// The same words for every occurrence (RFC 9457 §3.1.3).
    pub const fn title(self) -> &'static str {
        match self {
            Self::Malformed => "The request is malformed",
            Self::NotSignedIn => "A valid token is needed",
            Self::OutOfScope => "The token does not reach this far",
            Self::NotFound => "There is no such thing",
            Self::TooSlow => "The body did not arrive in time",
            Self::VersionConflict => "Another version is current",
            Self::NamespaceTaken => "The namespace is taken",
            Self::PreconditionFailed => "If-Match can match no version",
            Self::TooLarge => "The body is too large",
            Self::DigestMismatch => "The body is not what its digest says",
            Self::RoleRefused => "The role breaks a rule",
            Self::PackageRefused => "The package breaks a rule",
            Self::AlreadyReleased => "This was released before",
            Self::PreconditionRequired => "If-Match is required",
            Self::Internal => "The registry failed",
            Self::Unavailable => "The registry is not ready",
            Self::Unknown => "The registry reports a newer kind of error",
        }
    }
}

/// The member `type` of a problem: always written `about:blank` (RFC 9457 §4.2.1), because `code`
/// tells kinds apart; read whatever it says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AboutBlank;

impl Serialize for AboutBlank {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("about:blank")
    }
}
impl<'de> Deserialize<'de> for AboutBlank {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

/// One error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `about:blank`.
    #[serde(rename = "type", default)]
    pub kind: AboutBlank,
    /// [`Code::title`].
    pub title: String,
    /// [`Code::status`].
    pub status: u16,
    /// What happened this time, with the values.
    pub detail: String,
    /// For programs.
    pub code: Code,
    /// What is at fault, such as `targets["apps/…"].custom.manifest.version`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// With [`Code::VersionConflict`]: the version that is current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<u64>,
}

impl Problem {
    /// A problem with its detail.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: AboutBlank,
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            code,
            field: None,
            hint: None,
            current: None,
        }
    }

    /// Names what is at fault.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Names the version that is current.
    #[must_use]
    pub const fn current(mut self, version: u64) -> Self {
        self.current = Some(version);
        self
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_members_of_the_rfc() {
        let problem = Problem::new(Code::VersionConflict, "role pub.acme is at version 4, not 3")
            .at("If-Match")
            .hint("read the role again, add the release to it, sign and send that")
            .current(4);
        insta::assert_json_snapshot!(problem, @r#"
        {
          "type": "about:blank",
          "title": "Another version is current",
          "status": 409,
          "detail": "role pub.acme is at version 4, not 3",
          "code": "version_conflict",
          "field": "If-Match",
          "hint": "read the role again, add the release to it, sign and send that",
          "current": 4
        }
        "#);
    }

    #[test]
    fn a_code_of_a_newer_registry_is_read_as_unknown() {
        let text = r#"{"type":"https://example.com/slow","title":"x","status":429,"detail":"y","code":"slow_down"}"#;
        let problem: Problem = serde_json::from_str(text).unwrap();
        assert_eq!((problem.code, problem.status), (Code::Unknown, 429));
    }
}
