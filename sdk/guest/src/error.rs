//! Why a call to the host failed.

use crate::bindings::newleaf::app::{blobs, sql, store};

/// Why stored data could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The administrator has granted this app no storage.
    NotGranted,
    /// No app may run a statement of this kind.
    Denied(String),
    /// The write would exceed the granted quota.
    QuotaExceeded,
    /// A statement, key, value or result larger than the host allows.
    TooLarge,
    /// The request's processor time is used up.
    Interrupted,
    /// Another request held the database for too long; trying again may help.
    Busy,
    /// Anything else, in words.
    Failed(String),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotGranted => f.write_str("this app has been granted no storage"),
            Self::Denied(what) => write!(f, "the host denied it: {what}"),
            Self::QuotaExceeded => f.write_str("the storage quota is used up"),
            Self::TooLarge => f.write_str("it is larger than the host allows"),
            Self::Interrupted => f.write_str("the processor time is used up"),
            Self::Busy => f.write_str("the database is busy"),
            Self::Failed(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Error {}

impl From<sql::Error> for Error {
    fn from(error: sql::Error) -> Self {
        match error {
            sql::Error::NotGranted => Self::NotGranted,
            sql::Error::Denied(what) => Self::Denied(what),
            sql::Error::QuotaExceeded => Self::QuotaExceeded,
            sql::Error::TooLarge => Self::TooLarge,
            sql::Error::Interrupted => Self::Interrupted,
            sql::Error::Busy => Self::Busy,
            sql::Error::Failed(reason) => Self::Failed(reason),
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NotGranted => Self::NotGranted,
            store::Error::QuotaExceeded => Self::QuotaExceeded,
            store::Error::TooLarge => Self::TooLarge,
            store::Error::Interrupted => Self::Interrupted,
            store::Error::Busy => Self::Busy,
            store::Error::Failed(reason) => Self::Failed(reason),
        }
    }
}

impl From<blobs::Error> for Error {
    fn from(error: blobs::Error) -> Self {
        match error {
            blobs::Error::NotGranted => Self::NotGranted,
            blobs::Error::QuotaExceeded => Self::QuotaExceeded,
            blobs::Error::TooLarge => Self::TooLarge,
            blobs::Error::Interrupted => Self::Interrupted,
            blobs::Error::Busy => Self::Busy,
            blobs::Error::Failed(reason) => Self::Failed(reason),
        }
    }
}
