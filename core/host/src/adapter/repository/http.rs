//! A repository over HTTP. Plain HTTP is as good as HTTPS here: what is believed is decided by
//! signatures; HTTPS only hides what is asked for.

use std::sync::Once;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _};
use newleaf_domain::ByteSize;
use newleaf_trust::Limits;
use newleaf_update::port::{Body, Place, Repository, RepositoryError, Resume};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_RANGE, ETAG, IF_RANGE, RANGE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};

/// Fetches below one address.
#[derive(Debug, Clone)]
pub(crate) struct HttpRepository {
    base: String,
    client: Client,
}

/// Why no client can be made.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up")]
pub(crate) struct OpenError(#[source] reqwest::Error);

/// The process has one TLS provider; the first to ask for it installs it.
static PROVIDER: Once = Once::new();

/// Redirects that are followed; none from HTTPS to HTTP.
const REDIRECTS: usize = 5;

impl HttpRepository {
    /// The repository at `base`, an address without a slash at its end.
    ///
    /// # Errors
    /// The system's certificates cannot be loaded.
    pub(crate) fn new(base: &str) -> Result<Self, OpenError> {
        PROVIDER.call_once(|| {
            // Another part of the process may have installed one before: as good.
            drop(rustls::crypto::ring::default_provider().install_default());
        });
        let limits = Limits::default();
        let client = Client::builder()
            .connect_timeout(Duration::from_secs(limits.connect_seconds.into()))
            .read_timeout(Duration::from_secs(limits.stall_seconds.into()))
            .redirect(Policy::custom(|attempt| {
                let downgrades = attempt.url().scheme() == "http"
                    && attempt.previous().last().is_some_and(|from| from.scheme() == "https");
                if downgrades || attempt.previous().len() > REDIRECTS {
                    attempt.stop()
                } else {
                    attempt.follow()
                }
            }))
            .build()
            .map_err(OpenError)?;
        Ok(Self { base: base.to_owned(), client })
    }

    fn url(&self, place: Place, path: &str) -> String {
        let folder = match place {
            Place::Metadata => "tuf",
            Place::Target => "targets",
        };
        format!("{}/{folder}/{path}", self.base)
    }

    async fn get(&self, url: &str, resume: Option<&Resume>) -> Result<Response, RepositoryError> {
        // What is signed is the file itself; a compressed form would have another length.
        let mut request = self.client.get(url).header(ACCEPT_ENCODING, "identity");
        if let Some(Resume { offset, etag }) = resume {
            request =
                request.header(RANGE, format!("bytes={}-", offset.as_u64())).header(IF_RANGE, etag);
        }
        request.send().await.map_err(|error| unreachable(url, error))
    }
}

fn unreachable(url: &str, error: reqwest::Error) -> RepositoryError {
    RepositoryError::Unreachable { url: url.to_owned(), reason: reason(error) }
}

/// The innermost cause says what happened: `Connection refused (os error 111)`.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut innermost: &dyn std::error::Error = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    if error.is_timeout() { "no answer in time".to_owned() } else { innermost.to_string() }
}

fn is_absent(status: StatusCode) -> bool {
    status == StatusCode::NOT_FOUND || status == StatusCode::GONE
}

/// The offset at which a 206 begins; none where it does not say so (RFC 9110 §14.4).
fn begins_at(response: &Response) -> Option<u64> {
    let range = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

/// A strong entity tag: a weak one does not promise the same bytes (RFC 9110 §8.8.1).
fn strong_etag(response: &Response) -> Option<String> {
    let etag = response.headers().get(ETAG)?.to_str().ok()?;
    etag.starts_with('"').then(|| etag.to_owned())
}

fn body(url: String, response: Response, offset: u64, length: ByteSize) -> Body {
    let etag = strong_etag(&response);
    let mut left = length.as_u64().saturating_sub(offset);
    let broke = {
        let url = url.clone();
        move |error| RepositoryError::BrokeOff { url: url.clone(), reason: reason(error) }
    };
    let chunks = response.bytes_stream().map_err(broke).map(move |chunk| {
        let chunk = chunk?;
        let too_long = || RepositoryError::TooLong { url: url.clone(), max: length };
        left = left.checked_sub(chunk.len() as u64).ok_or_else(too_long)?;
        Ok(chunk)
    });
    Body { offset: ByteSize::bytes(offset), etag, chunks: chunks.boxed() }
}

#[async_trait]
impl Repository for HttpRepository {
    fn address(&self) -> String {
        self.base.clone()
    }

    async fn read(
        &self,
        place: Place,
        path: &str,
        max: ByteSize,
    ) -> Result<Option<Vec<u8>>, RepositoryError> {
        let url = self.url(place, path);
        let response = self.get(&url, None).await?;
        match response.status() {
            status if is_absent(status) => return Ok(None),
            StatusCode::OK => {}
            status => return Err(RepositoryError::Status { url, status: status.as_u16() }),
        }
        let mut bytes = Vec::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| unreachable(&url, error))?;
            if (bytes.len() + chunk.len()) as u64 > max.as_u64() {
                return Err(RepositoryError::TooLong { url, max });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Some(bytes))
    }

    async fn open(
        &self,
        path: &str,
        length: ByteSize,
        resume: Option<Resume>,
    ) -> Result<Body, RepositoryError> {
        let url = self.url(Place::Target, path);
        let mut response = self.get(&url, resume.as_ref()).await?;
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            response = self.get(&url, None).await?;
        }
        let wanted = resume.map(|resume| resume.offset.as_u64());
        match (response.status(), begins_at(&response)) {
            (StatusCode::OK, _) => Ok(body(url, response, 0, length)),
            // Exactly what was asked for; anything else would be glued to the wrong place.
            (StatusCode::PARTIAL_CONTENT, Some(offset)) if Some(offset) == wanted => {
                Ok(body(url, response, offset, length))
            }
            (StatusCode::PARTIAL_CONTENT, _) => {
                let reason = "it answers another range than was asked for".to_owned();
                Err(RepositoryError::BrokeOff { url, reason })
            }
            (status, _) if is_absent(status) => Err(RepositoryError::Absent { url }),
            (status, _) => Err(RepositoryError::Status { url, status: status.as_u16() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::HeaderMap;
    use axum::response::IntoResponse as _;
    use axum::routing::get;

    use super::*;

    const BYTES: &[u8] = b"0123456789";

    async fn target(headers: HeaderMap) -> axum::response::Response {
        let whole = headers.get(IF_RANGE).is_none_or(|etag| etag != "\"v1\"");
        match headers.get(RANGE).and_then(|range| range.to_str().ok()) {
            Some("bytes=4-") if !whole => (
                StatusCode::PARTIAL_CONTENT,
                [(CONTENT_RANGE, "bytes 4-9/10"), (ETAG, "\"v1\"")],
                &BYTES[4..],
            )
                .into_response(),
            _ => ([(ETAG, "\"v1\"")], BYTES).into_response(),
        }
    }

    async fn repository() -> HttpRepository {
        let router = Router::new()
            .route("/tuf/timestamp.json", get(|| async { "{}" }))
            .route("/tuf/busy.json", get(|| async { StatusCode::SERVICE_UNAVAILABLE }))
            .route("/targets/x.zip", get(target));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        HttpRepository::new(&base).unwrap()
    }

    async fn text(body: Body) -> String {
        let chunks = body.chunks.map(|chunk| chunk.unwrap().to_vec()).collect::<Vec<_>>().await;
        String::from_utf8(chunks.concat()).unwrap()
    }

    #[tokio::test]
    async fn only_404_and_410_mean_that_there_is_no_such_file() {
        let repository = repository().await;
        let max = ByteSize::kib(1);
        assert_eq!(
            repository.read(Place::Metadata, "timestamp.json", max).await.unwrap().unwrap(),
            b"{}"
        );
        assert_eq!(repository.read(Place::Metadata, "2.root.json", max).await.unwrap(), None);
        let busy = repository.read(Place::Metadata, "busy.json", max).await.unwrap_err();
        assert!(matches!(busy, RepositoryError::Status { status: 503, .. }) && busy.is_passing());
    }

    #[tokio::test]
    async fn a_download_is_resumed_only_where_the_file_is_the_same() {
        let repository = repository().await;
        let resume =
            |etag: &str| Some(Resume { offset: ByteSize::bytes(4), etag: etag.to_owned() });
        let same = repository.open("x.zip", ByteSize::bytes(10), resume("\"v1\"")).await.unwrap();
        assert_eq!((same.offset.as_u64(), text(same).await.as_str()), (4, "456789"));
        let other = repository.open("x.zip", ByteSize::bytes(10), resume("\"v0\"")).await.unwrap();
        assert_eq!((other.offset.as_u64(), text(other).await.as_str()), (0, "0123456789"));
    }

    #[tokio::test]
    async fn more_than_the_signed_length_is_never_handed_on() {
        let repository = repository().await;
        let body = repository.open("x.zip", ByteSize::bytes(9), None).await.unwrap();
        let chunks = body.chunks.collect::<Vec<_>>().await;
        assert!(matches!(chunks.last(), Some(Err(RepositoryError::TooLong { .. }))));
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_named_with_the_systems_words() {
        let repository = HttpRepository::new("http://127.0.0.1:1").unwrap();
        let error =
            repository.read(Place::Metadata, "timestamp.json", ByteSize::kib(1)).await.unwrap_err();
        assert!(error.to_string().contains("refused"), "{error}");
    }
}
