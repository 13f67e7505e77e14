//! What becomes of a role that was sent.

use newleaf_domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Problem;

/// The answer to a role that hosts can see now (201).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedRole {
    /// The role's name, such as `pub.acme`.
    pub role: String,
    /// Its version.
    pub version: u64,
}

/// A role that was sent (202, and the answer of its own path).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// Its number.
    pub id: u64,
    /// The role's name, such as `pub.acme`.
    pub role: String,
    /// The version that was sent.
    pub version: u64,
    /// When it arrived.
    pub received: Timestamp,
    /// How far it has come.
    pub state: SubmissionState,
    /// Why it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// How far a role has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubmissionState {
    /// Waits for its turn, or is being checked.
    Validating,
    /// Checked and signed into a snapshot that is being written.
    Accepted,
    /// Hosts can see it.
    Published,
    /// Refused; the version number is free again.
    Rejected,
}

impl SubmissionState {
    /// The text form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Validating => "validating",
            Self::Accepted => "accepted",
            Self::Published => "published",
            Self::Rejected => "rejected",
        }
    }

    /// The state of a text form.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Validating, Self::Accepted, Self::Published, Self::Rejected]
            .into_iter()
            .find(|state| state.as_str() == text)
    }

    /// Whether nothing more will happen to it.
    pub const fn is_decided(self) -> bool {
        matches!(self, Self::Published | Self::Rejected)
    }
}
