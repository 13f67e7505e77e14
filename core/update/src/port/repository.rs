//! The repository: static files, fetched by name. Nothing that comes through here is believed.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use newleaf_domain::ByteSize;

/// Fetches files of a TUF repository over HTTP or from a folder.
#[async_trait]
pub trait Repository: Send + Sync + fmt::Debug {
    /// Its address, for people.
    fn address(&self) -> String;

    /// Reads a small file whole. Nothing where the repository says that it has no such file.
    ///
    /// # Errors
    /// It cannot be reached, answers with something else, or sends more than `max`.
    async fn read(
        &self,
        place: Place,
        path: &str,
        max: ByteSize,
    ) -> Result<Option<Vec<u8>>, RepositoryError>;

    /// Opens a target as a stream, from where `resume` left off if the repository still serves
    /// the very same file, else from its first byte. Never yields more than `length` bytes in all.
    ///
    /// # Errors
    /// It cannot be reached, or does not serve the file.
    async fn open(
        &self,
        path: &str,
        length: ByteSize,
        resume: Option<Resume>,
    ) -> Result<Body, RepositoryError>;
}

/// The two trees of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// `tuf/`: signed role files.
    Metadata,
    /// `targets/`: packages and the texts beside them.
    Target,
}

/// Where a download broke off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// Bytes that are already on disk.
    pub offset: ByteSize,
    /// The strong entity tag that came with them (RFC 9110 §8.8.3).
    pub etag: String,
}

/// An opened target.
pub struct Body {
    /// The offset of the first byte: 0, or where the download is taken up again.
    pub offset: ByteSize,
    /// Its strong entity tag, where it has one.
    pub etag: Option<String>,
    /// The bytes.
    pub chunks: BoxStream<'static, Result<Bytes, RepositoryError>>,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("offset", &self.offset)
            .field("etag", &self.etag)
            .finish_non_exhaustive()
    }
}

/// Why a file could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RepositoryError {
    /// No answer at all.
    #[error("{url} cannot be reached: {reason}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// The system's or the library's reason.
        reason: String,
    },
    /// An answer that is neither the file nor its absence.
    #[error("{url} answers {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The status code.
        status: u16,
    },
    /// The target is not there.
    #[error("{url} does not exist")]
    Absent {
        /// What was asked for.
        url: String,
    },
    /// More bytes than may be read.
    #[error("{url} is longer than the {max} that may be read")]
    TooLong {
        /// What was asked for.
        url: String,
        /// The bound.
        max: ByteSize,
    },
    /// The transfer ended in the middle.
    #[error("{url} broke off: {reason}")]
    BrokeOff {
        /// What was asked for.
        url: String,
        /// The system's or the library's reason.
        reason: String,
    },
}

impl RepositoryError {
    /// Whether asking again a little later may help.
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::BrokeOff { .. } => true,
            Self::Status { status, .. } => *status >= 500 || *status == 429,
            Self::Absent { .. } | Self::TooLong { .. } => false,
        }
    }
}
