//! Fetches one document over `wasi:http`. The host decides what may be reached; this file turns
//! its answers into words, follows redirects by hand, and reads no more than it is told to.

use url::Url;
use wasip2::http::{
    outgoing_handler,
    types::{
        ErrorCode, Fields, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest,
        Scheme, http_error_code,
    },
};
use wasip2::io::streams::StreamError;

use crate::address;

/// The most redirects that are followed, each to a host that must be granted too.
const MAX_REDIRECTS: usize = 5;

/// What earlier answers said, for a server that can say "not changed" (RFC 9110 §13.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Validators {
    /// `ETag`.
    pub(crate) etag: Option<String>,
    /// `Last-Modified`.
    pub(crate) modified: Option<String>,
}

/// What a server answered.
#[derive(Debug)]
pub(crate) enum Fetched {
    /// The same as before (304).
    NotModified,
    /// A document.
    Document {
        /// Its bytes.
        body: Vec<u8>,
        /// Its `Content-Type`.
        content_type: Option<String>,
        /// Where it was in the end.
        address: Url,
        /// What to ask with next time.
        validators: Validators,
    },
}

/// Why nothing came. Completes "failed to fetch the feed: …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchError {
    /// The host name is not among this app's permissions.
    #[error("{host} is not among the hosts that Feeds may talk to")]
    NotGranted {
        /// As a grant would name it.
        host: String,
    },
    /// The name leads to an address inside the machine or its network.
    #[error("{host} leads to an address that no app may reach")]
    Prohibited {
        /// As a grant would name it.
        host: String,
    },
    /// A status that is no document.
    #[error("{host} answered {status}")]
    Status {
        /// Who.
        host: String,
        /// With what.
        status: u16,
        /// When to come back, in seconds (`Retry-After`).
        retry_after: Option<i64>,
    },
    /// A redirect without an end or a target.
    #[error("{host} sends from address to address without end")]
    Redirects {
        /// The last.
        host: String,
    },
    /// More than was asked for.
    #[error("{host} sent more than {limit} bytes")]
    TooLarge {
        /// Who.
        host: String,
        /// The most that is read.
        limit: usize,
    },
    /// Too slow.
    #[error("{host} took too long")]
    TooSlow {
        /// Who.
        host: String,
    },
    /// Anything else.
    #[error("{host} could not be reached: {reason}")]
    Unreachable {
        /// Who.
        host: String,
        /// The host's word for it.
        reason: String,
    },
}

impl FetchError {
    /// What a person can do about it, where it is not waiting.
    pub(crate) fn advice(&self) -> Option<String> {
        match self {
            Self::NotGranted { host } => Some(format!(
                "Hosts are granted by name when the app is installed or updated. Ask who publishes \
                 this app to add {host} to its permissions, or publish your own build whose \
                 manifest.json names it. The other feeds go on."
            )),
            Self::Prohibited { host } => Some(format!(
                "If {host} is a server of your own, an administrator can allow its address with \
                 outbound_private under [apps] in newleaf.toml."
            )),
            Self::Status { status: 410, .. } => {
                Some("The feed has been given up for good; you can remove it.".to_owned())
            }
            Self::Status { status: 401 | 403, .. } => {
                Some("The feed is not public; Feeds cannot sign in.".to_owned())
            }
            Self::Status { status: 404, .. } => {
                Some("The feed may have moved; look for its new address on the site.".to_owned())
            }
            Self::TooLarge { .. } => Some("The site may offer a shorter feed.".to_owned()),
            Self::Status { .. }
            | Self::Redirects { .. }
            | Self::TooSlow { .. }
            | Self::Unreachable { .. } => None,
        }
    }

    /// What the server asked for with `Retry-After`, in seconds.
    pub(crate) const fn retry_after(&self) -> Option<i64> {
        if let Self::Status { retry_after, .. } = self { *retry_after } else { None }
    }
}

/// Fetches `address`, reading at most `limit` bytes.
pub(crate) fn fetch(
    address: &Url,
    validators: &Validators,
    limit: usize,
) -> Result<Fetched, FetchError> {
    let mut address = address.clone();
    for _ in 0..=MAX_REDIRECTS {
        let response = exchange(&address, validators)?;
        let host = address::host(&address);
        match response.status() {
            200 => {
                let header = |name: &str| field(&response, name);
                return Ok(Fetched::Document {
                    content_type: header("content-type"),
                    validators: Validators {
                        etag: header("etag"),
                        modified: header("last-modified"),
                    },
                    body: read(&response, limit, &host)?,
                    address,
                });
            }
            304 => return Ok(Fetched::NotModified),
            301 | 302 | 303 | 307 | 308 => {
                let next = field(&response, "location");
                let next = next.and_then(|next| address.join(&next).ok());
                let next = next.filter(|next| matches!(next.scheme(), "http" | "https"));
                address = next.ok_or(FetchError::Redirects { host })?;
            }
            status => {
                let retry_after = field(&response, "retry-after");
                let retry_after = retry_after.and_then(|text| text.trim().parse().ok());
                return Err(FetchError::Status { host, status, retry_after });
            }
        }
    }
    Err(FetchError::Redirects { host: address::host(&address) })
}

/// One request and the head of its answer.
fn exchange(address: &Url, validators: &Validators) -> Result<IncomingResponse, FetchError> {
    let host = address::host(address);
    let broken =
        |reason: &str| FetchError::Unreachable { host: host.clone(), reason: reason.to_owned() };
    let fields = Fields::new();
    let set = |name: &str, value: &str| {
        fields.append(name, value.as_bytes()).map_err(|_| broken("a header is not allowed"))
    };
    set(
        "accept",
        "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5",
    )?;
    if let Some(etag) = &validators.etag {
        set("if-none-match", etag)?;
    }
    if let Some(modified) = &validators.modified {
        set("if-modified-since", modified)?;
    }
    let request = OutgoingRequest::new(fields);
    let scheme = if address.scheme() == "http" { Scheme::Http } else { Scheme::Https };
    let target = &address[url::Position::BeforePath..url::Position::AfterQuery];
    let prepared = request
        .set_method(&Method::Get)
        .and_then(|()| request.set_scheme(Some(&scheme)))
        .and_then(|()| request.set_authority(Some(&host)))
        .and_then(|()| request.set_path_with_query(Some(target)));
    prepared.map_err(|()| broken("its address cannot be written as a request"))?;
    if let Ok(body) = request.body() {
        OutgoingBody::finish(body, None).map_err(|code| in_words(&host, &code))?;
    }
    let answer = outgoing_handler::handle(request, None).map_err(|code| in_words(&host, &code))?;
    answer.subscribe().block();
    match answer.get() {
        Some(Ok(Ok(response))) => Ok(response),
        Some(Ok(Err(code))) => Err(in_words(&host, &code)),
        Some(Err(())) | None => Err(broken("the answer was lost")),
    }
}

fn field(response: &IncomingResponse, name: &str) -> Option<String> {
    let values = response.headers().get(name);
    let text = values.first().map(|value| String::from_utf8_lossy(value).into_owned())?;
    // What comes back as a header of the next request must be able to stand in one.
    let plain = text.len() <= 1000 && text.chars().all(|c| !c.is_control());
    plain.then(|| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn read(response: &IncomingResponse, limit: usize, host: &str) -> Result<Vec<u8>, FetchError> {
    let lost = || FetchError::Unreachable {
        host: host.to_owned(),
        reason: "the answer has no body".to_owned(),
    };
    let body: IncomingBody = response.consume().map_err(|()| lost())?;
    let stream = body.stream().map_err(|()| lost())?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(64 * 1024) {
            Ok(more) => bytes.extend_from_slice(&more),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(match http_error_code(&error) {
                    Some(code) => in_words(host, &code),
                    None => FetchError::Unreachable {
                        host: host.to_owned(),
                        reason: "the answer broke off".to_owned(),
                    },
                });
            }
        }
        if bytes.len() > limit {
            return Err(FetchError::TooLarge { host: host.to_owned(), limit });
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the rest are told in the host's own words")]
fn in_words(host: &str, code: &ErrorCode) -> FetchError {
    let host = host.to_owned();
    match code {
        ErrorCode::HttpRequestDenied => FetchError::NotGranted { host },
        ErrorCode::DestinationIpProhibited => FetchError::Prohibited { host },
        ErrorCode::DnsTimeout
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => FetchError::TooSlow { host },
        ErrorCode::HttpResponseBodySize(limit) => {
            let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or_default();
            FetchError::TooLarge { host, limit }
        }
        ErrorCode::InternalError(Some(reason)) => {
            FetchError::Unreachable { host, reason: reason.chars().take(200).collect() }
        }
        other => FetchError::Unreachable { host, reason: plain(other) },
    }
}

/// The name of a code in words: `tls-certificate-error` as `TLS certificate error`.
fn plain(code: &ErrorCode) -> String {
    let name = format!("{code:?}");
    let name = name.split('(').next().unwrap_or_default();
    let name = name.rsplit("::").next().unwrap_or_default();
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}
