//! Why the registry did not do what was asked.

use newleaf_domain::InvalidWord;
use newleaf_registry_api::{Code, Problem};

use crate::report::Exit;

/// Why a request failed. Completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegistryError {
    /// The address is not one.
    #[error("{url:?} is not the address of a registry: {reason}")]
    Address {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The token would travel readable by everybody on the way.
    #[error("{url} is not encrypted, and the token would be readable on the way")]
    Unencrypted {
        /// The address.
        url: String,
    },
    /// The token is not one. Never quotes it.
    #[error("the token does not have the form of one")]
    Token(#[source] InvalidWord),
    /// There is no answer.
    #[error("{url} gave no answer")]
    NoAnswer {
        /// What was asked.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The registry says no, and why.
    #[error("the registry answered {}: {problem}", problem.status)]
    Refused {
        /// Its words.
        problem: Box<Problem>,
    },
    /// An answer that no registry gives.
    #[error("{url} answered {status} {what}")]
    Unexpected {
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
        /// What is odd about it.
        what: String,
    },
    /// What was sent is still not decided.
    #[error("the registry has not decided on submission {id} after {seconds} s")]
    Undecided {
        /// The submission.
        id: u64,
        /// How long it was asked.
        seconds: u64,
    },
}

impl RegistryError {
    /// What a person can do about it.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::Address { .. } => "give --registry as https://HOST[:PORT]".to_owned(),
            Self::Unencrypted { .. } => {
                "use https://; plain http is for this machine only".to_owned()
            }
            Self::Token(_) => {
                "ask the registry's people for a token, and store it whole".to_owned()
            }
            Self::NoAnswer { .. } => {
                "check the address and the network, then run the same command again".to_owned()
            }
            Self::Refused { problem } => problem.hint.clone().unwrap_or_else(|| {
                "mend what the registry names, then run the same command again".to_owned()
            }),
            Self::Unexpected { .. } => {
                "check that the address is a registry's, not a proxy's or a static copy's"
                    .to_owned()
            }
            Self::Undecided { id, .. } => format!(
                "ask the registry's people about submission {id}, or run the same command again"
            ),
        }
    }

    /// The exit code that tells it apart.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Refused { problem } => match problem.code {
                Code::NotSignedIn | Code::OutOfScope | Code::NamespaceTaken => Exit::Blocked,
                Code::RoleRefused => Exit::Untrusted,
                Code::Malformed
                | Code::NotFound
                | Code::TooSlow
                | Code::VersionConflict
                | Code::PreconditionFailed
                | Code::TooLarge
                | Code::DigestMismatch
                | Code::PackageRefused
                | Code::AlreadyReleased
                | Code::PreconditionRequired
                | Code::Internal
                | Code::Unavailable
                | Code::Unknown => Exit::Failed,
            },
            Self::Token(_) | Self::Unencrypted { .. } => Exit::Blocked,
            Self::Address { .. }
            | Self::NoAnswer { .. }
            | Self::Unexpected { .. }
            | Self::Undecided { .. } => Exit::Failed,
        }
    }
}
