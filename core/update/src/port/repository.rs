//! The repository: static files, fetched by name. Nothing that comes through here is believed.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use newleaf_domain::ByteSize;

/// Fetches files of a TUF repository over HTTP or from a folder.
#[async_trait]
pub trait Repository: Send + Sync + fmt::Debug {
    /// Its address, for people.
    fn address(&self) -> String;

    /// How many places serve its targets, counted with the first; at least one.
    fn sources(&self) -> usize {
        1
    }

    /// Whether its bytes are on this machine already, so that fewer of them are no gain.
    fn is_near(&self) -> bool {
        false
    }

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

    /// Opens a file as a stream, from where `resume` left off if the very same file is still
    /// served, else from its first byte. Never yields more than `length` allows in all.
    ///
    /// # Errors
    /// It cannot be reached, or does not serve the file.
    async fn open(&self, wanted: &Wanted) -> Result<Body, RepositoryError>;
}

/// The trees of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// `tuf/`: signed role files.
    Metadata,
    /// `targets/`: packages and the texts beside them; compressed copies under `.zst`.
    Target,
    /// `deltas/`: what one package has over another.
    Delta,
}

/// A file to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Which of the places that serve targets is asked, counted from 0.
    pub source: usize,
    /// The tree it stands in.
    pub place: Place,
    /// Its path below that tree.
    pub path: String,
    /// How long it is or may be.
    pub length: Length,
    /// What is here of it already.
    pub resume: Option<Resume>,
}

/// What is known of a file's length before it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// It is signed.
    Exactly(ByteSize),
    /// Nobody signed it; this much is taken at most.
    AtMost(ByteSize),
}

impl Length {
    /// The most there can be.
    pub const fn most(self) -> ByteSize {
        match self {
            Self::Exactly(length) | Self::AtMost(length) => length,
        }
    }

    /// Whether a file may be this long.
    pub fn allows(self, length: ByteSize) -> bool {
        match self {
            Self::Exactly(signed) => length == signed,
            Self::AtMost(most) => length <= most,
        }
    }
}

/// Where a download broke off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// Bytes that are already on disk.
    pub offset: ByteSize,
    /// The strong entity tag that came with them (RFC 9110 §8.8.3).
    pub etag: String,
}

/// An opened file.
pub struct Body {
    /// The offset of the first byte: 0, or where the download is taken up again.
    pub offset: ByteSize,
    /// The length of the whole file, where the source says it.
    pub total: Option<ByteSize>,
    /// Its strong entity tag, where it has one.
    pub etag: Option<String>,
    /// The bytes.
    pub chunks: BoxStream<'static, Result<Bytes, RepositoryError>>,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("offset", &self.offset)
            .field("total", &self.total)
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
        /// How long it asks to be left alone (RFC 9110 §10.2.3).
        retry_after: Option<Duration>,
    },
    /// Another file than was asked for: a sign-in page, say, or one that was changed on the way.
    #[error("{url} answers with something else than the file: {detail}")]
    Foreign {
        /// What was asked for.
        url: String,
        /// What came.
        detail: String,
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
            Self::Unreachable { .. } | Self::BrokeOff { .. } | Self::Foreign { .. } => true,
            Self::Status { status, .. } => *status >= 500 || *status == 429,
            Self::Absent { .. } | Self::TooLong { .. } => false,
        }
    }

    /// How long the source asks to be left alone.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            Self::Unreachable { .. }
            | Self::Absent { .. }
            | Self::TooLong { .. }
            | Self::BrokeOff { .. }
            | Self::Foreign { .. } => None,
        }
    }
}
