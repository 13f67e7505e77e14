//! A repository in memory that can be slow, short, gone, or changed on the way.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use newleaf_domain::ByteSize;
use newleaf_trust::refresh::MemoryRepository;

use crate::port::{Body, Length, Place, Repository, RepositoryError, Wanted};

/// Serves what was published last.
#[derive(Debug, Default)]
pub struct FakeRepository(Mutex<Served>);

#[derive(Debug, Default)]
struct Served {
    files: MemoryRepository,
    gone: bool,
    breaks_at: Option<usize>,
    opened: Vec<(String, u64)>,
    deltas: BTreeMap<String, Vec<u8>>,
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
        self.edit(|it| it.opened.iter().map(|(_, offset)| *offset).collect())
    }

    /// The files whose download was begun last, the latest last.
    pub fn asked_for(&self) -> Vec<String> {
        self.edit(|it| it.opened.iter().map(|(path, _)| path.clone()).collect())
    }

    /// From now on this delta is served.
    pub fn serve_delta(&self, name: &str, frame: Vec<u8>) {
        self.edit(|it| it.deltas.insert(name.to_owned(), frame));
    }

    /// From now on this file is served beside the targets.
    pub fn serve_target(&self, path: &str, bytes: Vec<u8>) {
        self.edit(|it| it.files.targets.insert(path.to_owned(), bytes));
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
                Place::Delta => it.deltas.get(path).cloned(),
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

    async fn open(&self, wanted: &Wanted) -> Result<Body, RepositoryError> {
        let path = &wanted.path;
        let absent = || RepositoryError::Absent { url: path.clone() };
        let bytes = self.file(wanted.place, path)?.ok_or_else(absent)?;
        let total = ByteSize::bytes(bytes.len() as u64);
        if total > wanted.length.most() && matches!(wanted.length, Length::AtMost(_)) {
            return Err(RepositoryError::TooLong { url: path.clone(), max: wanted.length.most() });
        }
        let offset = wanted.resume.as_ref().map_or(ByteSize::bytes(0), |resume| resume.offset);
        let rest = bytes
            .get(usize::try_from(offset.as_u64()).unwrap_or(usize::MAX)..)
            .unwrap_or_default()
            .to_vec();
        let breaks_at = self.edit(|it| {
            it.opened.push((path.clone(), offset.as_u64()));
            it.breaks_at.take()
        });
        let end = breaks_at.map_or(rest.len(), |at| at.min(rest.len()));
        let sent = rest[..end]
            .chunks(1024)
            .map(|part| Ok(Bytes::copy_from_slice(part)))
            .collect::<Vec<_>>();
        let broke = breaks_at.map(|_| {
            Err(RepositoryError::BrokeOff {
                url: path.clone(),
                reason: "connection reset".to_owned(),
            })
        });
        Ok(Body {
            offset,
            total: Some(total),
            etag: Some("\"1\"".to_owned()),
            chunks: stream::iter(sent.into_iter().chain(broke)).boxed(),
        })
    }
}
