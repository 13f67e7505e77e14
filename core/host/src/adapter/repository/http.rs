//! A repository over HTTP. Plain HTTP is as good as HTTPS here: what is believed is decided by
//! signatures; HTTPS only hides what is asked for.

use async_trait::async_trait;
use futures_util::StreamExt as _;
use newleaf_domain::ByteSize;
use newleaf_update::port::{Body, Place, Repository, RepositoryError, Resume, Wanted};
use reqwest::header::{ACCEPT_ENCODING, IF_RANGE, RANGE};
use reqwest::{Client, Response, StatusCode};

use super::network::Network;
use super::target::{self, Found};

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

impl HttpRepository {
    /// The repository at `base`, an address without a slash at its end.
    ///
    /// # Errors
    /// The system's certificates cannot be loaded, or the proxy's address is not one.
    pub(crate) fn new(base: &str, network: &Network) -> Result<Self, OpenError> {
        Ok(Self { base: base.to_owned(), client: network.client().map_err(OpenError)? })
    }

    fn url(&self, place: Place, path: &str) -> String {
        let folder = match place {
            Place::Metadata => "tuf",
            Place::Target => "targets",
            Place::Delta => "deltas",
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
pub(super) fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut innermost: &dyn std::error::Error = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    if error.is_timeout() { "no answer in time".to_owned() } else { innermost.to_string() }
}

pub(super) fn is_absent(status: StatusCode) -> bool {
    status == StatusCode::NOT_FOUND || status == StatusCode::GONE
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
            _ => return Err(target::refused(&url, &response)),
        }
        if let Some(detail) = target::is_page(&response) {
            return Err(RepositoryError::Foreign { url, detail });
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

    async fn open(&self, wanted: &Wanted) -> Result<Body, RepositoryError> {
        let url = self.url(wanted.place, &wanted.path);
        let response = self.get(&url, wanted.resume.as_ref()).await?;
        match target::judge(&url, &response, wanted)? {
            Found::From { offset, total } => Ok(target::body(url, response, offset, total, wanted)),
            Found::Nothing { total } => Ok(target::nothing_more(total)),
            Found::AnotherPart => {
                let whole = Wanted { resume: None, ..wanted.clone() };
                let response = self.get(&url, None).await?;
                match target::judge(&url, &response, &whole)? {
                    Found::From { offset, total } => {
                        Ok(target::body(url, response, offset, total, &whole))
                    }
                    Found::Nothing { .. } | Found::AnotherPart => {
                        let detail = "a part of it, when all of it was asked for".to_owned();
                        Err(RepositoryError::Foreign { url, detail })
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::HeaderMap;
    use axum::response::IntoResponse as _;
    use axum::routing::get;
    use newleaf_update::port::Length;
    use reqwest::header::{CONTENT_RANGE, ETAG};

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
        HttpRepository::new(&base, &Network::default()).unwrap()
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
        let same = repository.open(&x_zip(10, Some("\"v1\""))).await.unwrap();
        assert_eq!((same.offset.as_u64(), text(same).await.as_str()), (4, "456789"));
        let other = repository.open(&x_zip(10, Some("\"v0\""))).await.unwrap();
        assert_eq!((other.offset.as_u64(), text(other).await.as_str()), (0, "0123456789"));
    }

    #[tokio::test]
    async fn a_file_of_another_length_than_the_signed_one_is_not_begun() {
        let repository = repository().await;
        for signed in [9, 11] {
            let refused = repository.open(&x_zip(signed, None)).await.unwrap_err();
            assert!(matches!(refused, RepositoryError::Foreign { .. }), "{refused}");
        }
    }

    fn x_zip(signed: u64, etag: Option<&str>) -> Wanted {
        Wanted {
            source: 0,
            place: Place::Target,
            path: "x.zip".to_owned(),
            length: Length::Exactly(ByteSize::bytes(signed)),
            resume: etag.map(|etag| Resume { offset: ByteSize::bytes(4), etag: etag.to_owned() }),
        }
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_named_with_the_systems_words() {
        let repository = HttpRepository::new("http://127.0.0.1:1", &Network::default()).unwrap();
        let error =
            repository.read(Place::Metadata, "timestamp.json", ByteSize::kib(1)).await.unwrap_err();
        assert!(error.to_string().contains("refused"), "{error}");
    }
}
