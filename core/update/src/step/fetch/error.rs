//! Why a download did not come to its end.

use newleaf_domain::{ByteSize, Timestamp};

use crate::port::{RepositoryError, SlotError};

/// Why a download did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("the package could not be fetched")]
    Repository(#[source] RepositoryError),
    #[error("the package could not be kept")]
    Disk(#[source] SlotError),
    #[error("{path} is longer than the {most} it may have")]
    TooLong { path: String, most: ByteSize },
    #[error("{path} ended at {actual} of {total}")]
    Short { path: String, actual: ByteSize, total: ByteSize },
    #[error("{path} stood still for {seconds} s at {actual}")]
    Stalled { path: String, actual: ByteSize, seconds: u64 },
    #[error("{path} holds other bytes than were signed")]
    OtherBytes { path: String },
    #[error("the repository asks to be left alone until {until}: {reason}")]
    Asked { until: Timestamp, reason: String },
}

impl FetchError {
    /// Whether another try may help; what came so far is kept for it.
    pub(super) const fn is_passing(&self) -> bool {
        match self {
            Self::Repository(error) => error.is_passing(),
            Self::Short { .. } | Self::Stalled { .. } => true,
            Self::Disk(_) | Self::TooLong { .. } | Self::OtherBytes { .. } | Self::Asked { .. } => {
                false
            }
        }
    }

    /// Whether another source may serve what this one does not. One that only broke off is asked
    /// again once: it has the bytes that are still missing.
    pub(super) const fn sends_elsewhere(&self) -> bool {
        match self {
            Self::Repository(RepositoryError::BrokeOff { .. }) | Self::Short { .. } => false,
            Self::Disk(_) | Self::Asked { .. } => false,
            Self::Repository(_)
            | Self::TooLong { .. }
            | Self::Stalled { .. }
            | Self::OtherBytes { .. } => true,
        }
    }

    /// Whether something else came in the file's place.
    pub(super) const fn is_foreign(&self) -> bool {
        matches!(self, Self::Repository(RepositoryError::Foreign { .. }))
    }

    /// Whether the file is simply not there, or not in a length that would be a gain. Stores of
    /// objects say so with a 403, too.
    pub(super) fn is_absence(&self) -> bool {
        match self {
            Self::TooLong { .. } => true,
            Self::Repository(RepositoryError::Absent { .. } | RepositoryError::TooLong { .. }) => {
                true
            }
            Self::Repository(RepositoryError::Status { status, .. }) => {
                (400..500).contains(status) && ![407, 429].contains(status)
            }
            Self::Repository(_)
            | Self::Disk(_)
            | Self::Short { .. }
            | Self::Stalled { .. }
            | Self::OtherBytes { .. }
            | Self::Asked { .. } => false,
        }
    }

    pub(super) const fn todo(&self) -> &'static str {
        match self {
            Self::Disk(_) => "make room or mend the folder's permissions, then try again",
            Self::TooLong { .. } | Self::OtherBytes { .. } => {
                "the mirror may be stale or hostile; try again or choose another"
            }
            Self::Asked { .. } => "try again after that time; what came is kept",
            Self::Repository(RepositoryError::Status { status: 407, .. }) => {
                "set repository.proxy in newleaf.toml, with the proxy's name and password"
            }
            Self::Repository(RepositoryError::Foreign { .. }) => {
                "see whether this network wants a sign-in, or a proxy changes what passes; then try again"
            }
            Self::Repository(_) | Self::Short { .. } | Self::Stalled { .. } => {
                "check the network and the repository, then try again; what came is kept"
            }
        }
    }
}
