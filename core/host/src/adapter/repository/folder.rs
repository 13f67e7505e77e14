//! A repository in a folder: a mirror, a USB stick, a test.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use newleaf_domain::ByteSize;
use newleaf_update::port::{Body, Place, Repository, RepositoryError, Wanted};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

/// Files below one folder, laid out as a repository serves them.
#[derive(Debug, Clone)]
pub(crate) struct FolderRepository {
    root: PathBuf,
}

/// Bytes read at a time.
const PIECE: usize = 64 * 1024;

impl FolderRepository {
    /// The repository in `root`.
    pub(crate) fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The file; nothing where the repository is there and the file is not.
    async fn opened(&self, path: &Path) -> Result<Option<File>, RepositoryError> {
        match File::open(path).await {
            Ok(file) => Ok(Some(file)),
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound
                    && self.root.join("tuf").is_dir() =>
            {
                Ok(None)
            }
            Err(error) => {
                Err(RepositoryError::Unreachable { url: url(path), reason: error.to_string() })
            }
        }
    }

    fn path(&self, place: Place, path: &str) -> PathBuf {
        let folder = match place {
            Place::Metadata => "tuf",
            Place::Target => "targets",
            Place::Delta => "deltas",
        };
        self.root.join(folder).join(path)
    }
}

fn url(path: &Path) -> String {
    format!("file://{}", path.display())
}

#[async_trait]
impl Repository for FolderRepository {
    fn address(&self) -> String {
        url(&self.root)
    }

    async fn read(
        &self,
        place: Place,
        path: &str,
        max: ByteSize,
    ) -> Result<Option<Vec<u8>>, RepositoryError> {
        let path = self.path(place, path);
        let Some(file) = self.opened(&path).await? else { return Ok(None) };
        let mut bytes = Vec::new();
        let read = file.take(max.as_u64().saturating_add(1)).read_to_end(&mut bytes).await;
        read.map_err(|error| RepositoryError::BrokeOff {
            url: url(&path),
            reason: error.to_string(),
        })?;
        if bytes.len() as u64 > max.as_u64() {
            return Err(RepositoryError::TooLong { url: url(&path), max });
        }
        Ok(Some(bytes))
    }

    fn is_near(&self) -> bool {
        true
    }

    /// Always from the first byte: a folder is near.
    async fn open(&self, wanted: &Wanted) -> Result<Body, RepositoryError> {
        let length = wanted.length.most();
        let path = self.path(wanted.place, &wanted.path);
        let absent = || RepositoryError::Absent { url: url(&path) };
        let file = self.opened(&path).await?.ok_or_else(absent)?;
        let chunks = stream::try_unfold(
            (file, path, length.as_u64()),
            |(mut file, path, left)| async move {
                let mut piece = vec![0; PIECE];
                let read = file.read(&mut piece).await;
                let broke = |error: std::io::Error| RepositoryError::BrokeOff {
                    url: url(&path),
                    reason: error.to_string(),
                };
                let count = read.map_err(broke)?;
                piece.truncate(count);
                let Some(left) = left.checked_sub(count as u64) else {
                    return Err(RepositoryError::TooLong {
                        url: url(&path),
                        max: ByteSize::bytes(left),
                    });
                };
                Ok((count > 0).then(|| (Bytes::from(piece), (file, path, left))))
            },
        );
        Ok(Body { offset: ByteSize::bytes(0), total: None, etag: None, chunks: chunks.boxed() })
    }
}

#[cfg(test)]
mod tests {
    use newleaf_update::port::Length;

    use super::*;

    fn repository() -> (tempfile::TempDir, FolderRepository) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("tuf")).unwrap();
        std::fs::create_dir_all(dir.path().join("targets/a")).unwrap();
        std::fs::write(dir.path().join("tuf/timestamp.json"), "{}").unwrap();
        std::fs::write(dir.path().join("targets/a/x.zip"), vec![7; 200_000]).unwrap();
        let repository = FolderRepository::new(dir.path());
        (dir, repository)
    }

    fn wanted(length: u64) -> Wanted {
        Wanted {
            source: 0,
            place: Place::Target,
            path: "a/x.zip".to_owned(),
            length: Length::Exactly(ByteSize::bytes(length)),
            resume: None,
        }
    }

    #[tokio::test]
    async fn a_missing_file_is_absent_and_a_missing_folder_is_no_repository() {
        let (_dir, repository) = repository();
        let max = ByteSize::kib(1);
        assert_eq!(repository.read(Place::Metadata, "2.root.json", max).await.unwrap(), None);
        let nowhere = FolderRepository::new("/nowhere/at/all");
        assert!(nowhere.read(Place::Metadata, "timestamp.json", max).await.is_err());
    }

    #[tokio::test]
    async fn no_more_than_allowed_is_read() {
        let (_dir, repository) = repository();
        let long = repository.read(Place::Metadata, "timestamp.json", ByteSize::bytes(1)).await;
        assert!(matches!(long, Err(RepositoryError::TooLong { .. })));
        let body = repository.open(&wanted(199_999)).await.unwrap();
        let pieces = body.chunks.collect::<Vec<_>>().await;
        assert!(matches!(pieces.last(), Some(Err(RepositoryError::TooLong { .. }))));
    }

    #[tokio::test]
    async fn a_target_streams_whole() {
        let (_dir, repository) = repository();
        let body = repository.open(&wanted(200_000)).await.unwrap();
        let bytes = body.chunks.map(|piece| piece.unwrap().len()).collect::<Vec<_>>().await;
        assert_eq!(bytes.iter().sum::<usize>(), 200_000);
    }
}
