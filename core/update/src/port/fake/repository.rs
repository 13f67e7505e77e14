//! A repository in memory that can be slow, short, gone, or changed on the way.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use newleaf_domain::ByteSize;
use newleaf_trust::refresh::MemoryRepository;

use crate::port::{Body, Place, Repository, RepositoryError, Resume};

/// Serves what was published last.
#[derive(Debug, Default)]
pub struct FakeRepository(Mutex<Served>);

#[derive(Debug, Default)]
struct Served {
    files: MemoryRepository,
    gone: bool,
    breaks_at: Option<usize>,
    opened: Vec<u64>,
}

impl FakeRepository {
    /// From now on these files are served.
    pub fn serve(&self, files: MemoryRepository) {
        self.edit(|it| it.files = files);
    }

    /// The files that are served.
    pub fn files(&self) -> MemoryRepository {
        self.edit(|it| it.files.clone())
    }

    /// From now on nothing answers.
    pub fn disappear(&self) {
        self.edit(|it| it.gone = true);
    }

    /// The next download breaks off after so many bytes.
    pub fn break_next_at(&self, bytes: usize) {
        self.edit(|it| it.breaks_at = Some(bytes));
    }

    /// The offsets at which downloads were begun.
    pub fn opened(&self) -> Vec<u64> {
        self.edit(|it| it.opened.clone())
    }

    /// Changes the bytes of a target on the way.
    pub fn tamper(&self, path: &str, change: impl FnOnce(&mut Vec<u8>)) {
        self.edit(|it| it.files.targets.get_mut(path).map(change));
    }

    fn edit<R>(&self, change: impl FnOnce(&mut Served) -> R) -> R {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn file(&self, place: Place, path: &str) -> Result<Option<Vec<u8>>, RepositoryError> {
        self.edit(|it| {
            if it.gone {
                let (url, reason) = (path.to_owned(), "connection refused".to_owned());
                return Err(RepositoryError::Unreachable { url, reason });
            }
            Ok(match place {
                Place::Metadata => it.files.metadata.get(path).cloned(),
                Place::Target => it.files.targets.get(path).cloned(),
            })
        })
    }
}

#[async_trait]
impl Repository for FakeRepository {
    fn address(&self) -> String {
        "https://registry.example.com".to_owned()
    }

    async fn read(
        &self,
        place: Place,
        path: &str,
        max: ByteSize,
    ) -> Result<Option<Vec<u8>>, RepositoryError> {
        match self.file(place, path)? {
            Some(bytes) if bytes.len() as u64 > max.as_u64() => {
                Err(RepositoryError::TooLong { url: path.to_owned(), max })
            }
            found => Ok(found),
        }
    }

    async fn open(
        &self,
        path: &str,
        _length: ByteSize,
        resume: Option<Resume>,
    ) -> Result<Body, RepositoryError> {
        let absent = || RepositoryError::Absent { url: path.to_owned() };
        let bytes = self.file(Place::Target, path)?.ok_or_else(absent)?;
        let offset = resume.map_or(ByteSize::bytes(0), |resume| resume.offset);
        let rest = bytes
            .get(usize::try_from(offset.as_u64()).unwrap_or(usize::MAX)..)
            .unwrap_or_default()
            .to_vec();
        let breaks_at = self.edit(|it| {
            it.opened.push(offset.as_u64());
            it.breaks_at.take()
        });
        let end = breaks_at.map_or(rest.len(), |at| at.min(rest.len()));
        let sent = rest[..end]
            .chunks(1024)
            .map(|part| Ok(Bytes::copy_from_slice(part)))
            .collect::<Vec<_>>();
        let broke = breaks_at.map(|_| {
            Err(RepositoryError::BrokeOff {
                url: path.to_owned(),
                reason: "connection reset".to_owned(),
            })
        });
        Ok(Body {
            offset,
            etag: Some("\"1\"".to_owned()),
            chunks: stream::iter(sent.into_iter().chain(broke)).boxed(),
        })
    }
}
