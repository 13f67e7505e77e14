//! A repository and the mirrors of its files. Which one is asked for a target is the download's to
//! say; metadata comes from the first that answers. None of them is believed.

use std::sync::Arc;

use async_trait::async_trait;
use newleaf_domain::ByteSize;
use newleaf_update::port::{Body, Place, Repository, RepositoryError, Wanted};

/// The same files at several addresses, the repository's own first.
#[derive(Debug)]
pub(super) struct Mirrored {
    all: Vec<Arc<dyn Repository>>,
}

impl Mirrored {
    pub(super) const fn new(all: Vec<Arc<dyn Repository>>) -> Self {
        Self { all }
    }

    fn first(&self) -> Option<&Arc<dyn Repository>> {
        self.all.first()
    }
}

/// There is no such address; a fault of this program.
fn nobody() -> RepositoryError {
    let reason = "no address is set".to_owned();
    RepositoryError::Unreachable { url: "the repository".to_owned(), reason }
}

#[async_trait]
impl Repository for Mirrored {
    fn address(&self) -> String {
        self.first().map_or_else(String::new, |first| first.address())
    }

    fn sources(&self) -> usize {
        self.all.len()
    }

    fn is_near(&self) -> bool {
        self.first().is_some_and(|first| first.is_near())
    }

    /// A file that one address does not have is not looked for at another: what a stale mirror
    /// still has would be taken for an attack. The next one is asked only where nobody answers.
    async fn read(
        &self,
        place: Place,
        path: &str,
        max: ByteSize,
    ) -> Result<Option<Vec<u8>>, RepositoryError> {
        let mut first_failure = None;
        for one in &self.all {
            match one.read(place, path, max).await {
                Err(error) if error.is_passing() => {
                    tracing::debug!(%error, "an address of the repository does not answer");
                    first_failure.get_or_insert(error);
                }
                answer => return answer,
            }
        }
        Err(first_failure.unwrap_or_else(nobody))
    }

    async fn open(&self, wanted: &Wanted) -> Result<Body, RepositoryError> {
        self.all.get(wanted.source).ok_or_else(nobody)?.open(wanted).await
    }
}

#[cfg(test)]
mod tests {
    use newleaf_update::port::Length;

    use super::super::folder::FolderRepository;
    use super::super::http::HttpRepository;
    use super::super::network::Network;
    use super::*;

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Arc<dyn Repository>) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("tuf")).unwrap();
        std::fs::create_dir_all(dir.path().join("targets")).unwrap();
        for (path, text) in files {
            std::fs::write(dir.path().join(path), text).unwrap();
        }
        let repository = Arc::new(FolderRepository::new(dir.path()));
        (dir, repository)
    }

    fn dead() -> Arc<dyn Repository> {
        Arc::new(HttpRepository::new("http://127.0.0.1:1", &Network::default()).unwrap())
    }

    async fn read(all: Vec<Arc<dyn Repository>>) -> Result<Option<Vec<u8>>, RepositoryError> {
        Mirrored::new(all).read(Place::Metadata, "2.root.json", ByteSize::kib(1)).await
    }

    #[tokio::test]
    async fn metadata_comes_from_the_first_that_answers() {
        let (_a, with) = folder(&[("tuf/2.root.json", "{}")]);
        let (_b, without) = folder(&[]);
        assert_eq!(read(vec![dead(), with.clone()]).await.unwrap().unwrap(), b"{}");
        assert_eq!(read(vec![without, with]).await.unwrap(), None, "there is no second root");
        let nobody = read(vec![dead(), dead()]).await.unwrap_err();
        assert!(matches!(nobody, RepositoryError::Unreachable { .. }), "{nobody}");
    }

    #[tokio::test]
    async fn a_target_comes_from_the_one_that_is_named() {
        let (_a, first) = folder(&[("targets/x", "first")]);
        let (_b, second) = folder(&[("targets/x", "second")]);
        let all = Mirrored::new(vec![first, second]);
        let wanted = |source| Wanted {
            source,
            place: Place::Target,
            path: "x".to_owned(),
            length: Length::AtMost(ByteSize::kib(1)),
            resume: None,
        };
        let mut body = all.open(&wanted(1)).await.unwrap();
        let chunk = futures_util::StreamExt::next(&mut body.chunks).await.unwrap().unwrap();
        assert_eq!(&*chunk, b"second");
        all.open(&wanted(2)).await.unwrap_err();
    }
}
