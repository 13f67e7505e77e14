//! Uploads, each under its SHA-256, until a role lists them and a week longer. Nothing here is served to anyone; a file
//! gets its public name only when a checked role lists it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use axum::body::Body;
use futures_util::StreamExt as _;
use newleaf_domain::digest::DigestWriter;
use newleaf_domain::{ByteSize, Digest};
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt as _;

use crate::durable::{self, WriteError};

/// The folder of uploads.
#[derive(Debug)]
pub(crate) struct Objects {
    folder: PathBuf,
    received: AtomicU64,
}

/// Why an upload was not kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReceiveError {
    /// More bytes than allowed.
    #[error("the body has more than {limit}")]
    TooLarge {
        /// The most it may have.
        limit: ByteSize,
    },
    /// The bytes are not the ones announced.
    #[error("the body has SHA-256 {found}, but {announced} was announced")]
    DigestMismatch {
        /// What came.
        found: Digest,
        /// What was announced.
        announced: Digest,
    },
    /// The sender broke off, or was too slow.
    #[error("the body broke off")]
    BrokenOff(#[source] axum::Error),
    /// The disk failed.
    #[error("the upload could not be stored at {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
}

impl Objects {
    /// The folder of uploads at `folder`.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, received: AtomicU64::new(0) }
    }

    /// Where the upload with this digest lies.
    pub(crate) fn path(&self, digest: Digest) -> PathBuf {
        self.folder.join(digest.to_string())
    }

    /// Streams `body` to the disk; returns its length once it is there durably.
    pub(crate) async fn receive(
        &self,
        body: Body,
        announced: Digest,
        limit: ByteSize,
    ) -> Result<ByteSize, ReceiveError> {
        let number = self.received.fetch_add(1, Ordering::Relaxed);
        let partial = self.folder.join(format!(".{}-{number}.partial", std::process::id()));
        let received = self.receive_into(&partial, body, announced, limit).await;
        if received.is_err() {
            // What is left behind by a failure here goes with the weekly pruning.
            let _ = fs::remove_file(&partial).await;
        }
        received
    }

    async fn receive_into(
        &self,
        partial: &Path,
        body: Body,
        announced: Digest,
        limit: ByteSize,
    ) -> Result<ByteSize, ReceiveError> {
        let io = |source| ReceiveError::Io { path: partial.to_owned(), source };
        let mut file = File::create(partial).await.map_err(io)?;
        let mut digest = DigestWriter::default();
        let mut pieces = body.into_data_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(ReceiveError::BrokenOff)?;
            if digest.length().saturating_add(piece.len() as u64) > limit.as_u64() {
                return Err(ReceiveError::TooLarge { limit });
            }
            digest.update(&piece);
            file.write_all(&piece).await.map_err(io)?;
        }
        let length = ByteSize::bytes(digest.length());
        let found = digest.finish();
        if found != announced {
            return Err(ReceiveError::DigestMismatch { found, announced });
        }
        file.sync_all().await.map_err(io)?;
        fs::rename(partial, self.path(found)).await.map_err(io)?;
        File::open(&self.folder).await.map_err(io)?.sync_all().await.map_err(io)?;
        Ok(length)
    }

    /// Copies a file of this machine in; for commands that run beside the server.
    pub(crate) fn take(&self, digest: Digest, bytes: &Path) -> Result<(), WriteError> {
        durable::publish(bytes, &self.path(digest))
    }

    /// The length of the upload with this digest, where there is one.
    pub(crate) async fn length(&self, digest: Digest) -> io::Result<Option<ByteSize>> {
        match fs::metadata(self.path(digest)).await {
            Ok(about) => Ok(Some(ByteSize::bytes(about.len()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes uploads older than `age`, whether a role has listed them (then the public tree has
    /// them too) or not; says how many.
    pub(crate) async fn prune(&self, age: Duration) -> io::Result<usize> {
        let mut removed = 0;
        let mut entries = fs::read_dir(&self.folder).await?;
        while let Some(entry) = entries.next_entry().await? {
            let modified = entry.metadata().await?.modified()?;
            if SystemTime::now().duration_since(modified).is_ok_and(|since| since > age) {
                fs::remove_file(entry.path()).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}
