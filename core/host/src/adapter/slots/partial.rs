//! A download under way: `<digest>.zip.partial`, with its entity tag beside it, so that a later
//! process can take it up. Becomes `<digest>.zip` once all of it is on disk. What streams by is
//! hashed, and so is what an earlier process left.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use newleaf_domain::digest::DigestWriter;
use newleaf_domain::{ByteSize, Digest};
use newleaf_update::port::{Partial, SlotError};
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt as _;

use super::super::files::{self, FileError, blocking};
use super::io;

/// An open download.
#[derive(Debug)]
pub(super) struct DiskPartial {
    file: File,
    path: PathBuf,
    done: PathBuf,
    digest: DigestWriter,
    etag: Option<String>,
}

fn partial(done: &Path) -> PathBuf {
    files::beside(done, "partial")
}

fn tag(done: &Path) -> PathBuf {
    files::beside(done, "etag")
}

/// How long a download that broke off waits to be taken up again.
const KEEP: Duration = Duration::from_hours(7 * 24);

/// Whether `path` belongs to a download that broke off and may still be taken up: it holds
/// something, and it is not old.
pub(super) fn is_worth_keeping(path: &Path) -> bool {
    let begun = path.extension().is_some_and(|ending| ending == "partial" || ending == "etag");
    let holds = |found: std::fs::Metadata| {
        let touched = found.modified().ok()?;
        let age = SystemTime::now().duration_since(touched).unwrap_or_default();
        (found.len() > 0 && age < KEEP).then_some(())
    };
    begun && path.metadata().ok().and_then(holds).is_some()
}

/// Removes a download in whatever state it is.
pub(super) fn discard(done: &Path) -> Result<(), FileError> {
    [done.to_owned(), partial(done), tag(done)].iter().try_for_each(|path| files::remove(path))
}

impl DiskPartial {
    pub(super) async fn open(folder: PathBuf, done: PathBuf) -> Result<Self, FileError> {
        let path = partial(&done);
        let tag = tag(&done);
        let etag = blocking(move || {
            files::make_folder(&folder)?;
            files::read(&tag)
        })
        .await?;
        let mut options = OpenOptions::new();
        options.create(true).append(true).mode(0o600);
        let file = options.open(&path).await.map_err(FileError::on("opened", &path))?;
        let left = path.clone();
        let digest = blocking(move || files::hash(&left)).await?;
        let etag = etag.and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(Self { file, path, done, digest, etag })
    }

    async fn truncate(&mut self, etag: Option<String>) -> Result<(), FileError> {
        self.file.set_len(0).await.map_err(FileError::on("cut", &self.path))?;
        self.digest = DigestWriter::default();
        self.etag.clone_from(&etag);
        let tag = tag(&self.done);
        blocking(move || match etag {
            Some(etag) => files::put(&tag, etag.as_bytes()),
            None => files::remove(&tag),
        })
        .await
    }

    async fn complete(mut self) -> Result<(), FileError> {
        self.file.flush().await.map_err(FileError::on("written", &self.path))?;
        self.file.sync_all().await.map_err(FileError::on("synced", &self.path))?;
        let Self { path, done, .. } = self;
        blocking(move || {
            files::rename(&path, &done)?;
            files::remove(&tag(&done))
        })
        .await
    }
}

#[async_trait]
impl Partial for DiskPartial {
    fn length(&self) -> ByteSize {
        ByteSize::bytes(self.digest.length())
    }

    fn sha256(&self) -> Digest {
        self.digest.clone().finish()
    }

    fn etag(&self) -> Option<String> {
        self.etag.clone()
    }

    async fn restart(&mut self, etag: Option<String>) -> Result<(), SlotError> {
        self.truncate(etag).await.map_err(io)
    }

    async fn append(&mut self, bytes: Bytes) -> Result<(), SlotError> {
        let written = async {
            self.file.write_all(&bytes).await?;
            // A failed write is told by the next call otherwise, when it is too late to count.
            self.file.flush().await
        };
        written.await.map_err(FileError::on("written", &self.path)).map_err(io)?;
        self.digest.update(&bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<(), SlotError> {
        self.complete().await.map_err(io)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_download_is_taken_up_by_the_next_process() {
        let dir = tempfile::tempdir().unwrap();
        let done = dir.path().join("x.zip");
        let open = || DiskPartial::open(dir.path().to_owned(), done.clone());
        let mut first = open().await.unwrap();
        first.restart(Some("\"v1\"".to_owned())).await.unwrap();
        first.append(Bytes::from_static(b"0123")).await.unwrap();
        drop(first);
        let mut second = open().await.unwrap();
        assert_eq!((second.length().as_u64(), second.etag().as_deref()), (4, Some("\"v1\"")));
        second.append(Bytes::from_static(b"45")).await.unwrap();
        assert_eq!(second.sha256(), Digest::of(b"012345"));
        Box::new(second).finish().await.unwrap();
        assert_eq!(std::fs::read(&done).unwrap(), b"012345");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_restart_forgets_the_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let done = dir.path().join("x.zip");
        let mut partial = DiskPartial::open(dir.path().to_owned(), done.clone()).await.unwrap();
        partial.append(Bytes::from_static(b"0123")).await.unwrap();
        partial.restart(None).await.unwrap();
        partial.append(Bytes::from_static(b"ab")).await.unwrap();
        assert_eq!(partial.sha256(), Digest::of(b"ab"));
        Box::new(partial).finish().await.unwrap();
        assert_eq!(std::fs::read(&done).unwrap(), b"ab");
    }
}
