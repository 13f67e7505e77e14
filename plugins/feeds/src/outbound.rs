//! Fetches one document. The host decides what may be reached; this file turns its answers into
//! words, follows redirects by hand, and reads no more than it is told to.

use newleaf_sdk::fetch::{Error, Request, Response};
use url::Url;

use crate::address;

/// What is read here, the best first (RFC 9110 §12.5.1).
const ACCEPT: &str = "application/atom+xml, application/rss+xml, application/feed+json, \
                      application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5";

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
        let response = exchange(&address, validators, limit)?;
        let host = address::host(&address);
        match response.status {
            200 => {
                return Ok(Fetched::Document {
                    content_type: field(&response, "content-type"),
                    validators: Validators {
                        etag: field(&response, "etag"),
                        modified: field(&response, "last-modified"),
                    },
                    body: response.body,
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
                let retry_after = retry_after.and_then(|text| text.parse().ok());
                return Err(FetchError::Status { host, status, retry_after });
            }
        }
    }
    Err(FetchError::Redirects { host: address::host(&address) })
}

/// One request and its answer.
fn exchange(address: &Url, validators: &Validators, limit: usize) -> Result<Response, FetchError> {
    let mut request = Request::get(address.as_str()).header("accept", ACCEPT).at_most(limit);
    if let Some(etag) = &validators.etag {
        request = request.header("if-none-match", etag);
    }
    if let Some(modified) = &validators.modified {
        request = request.header("if-modified-since", modified);
    }
    request.send().map_err(|error| in_words(address::host(address), error, limit))
}

fn in_words(host: String, error: Error, limit: usize) -> FetchError {
    match error {
        Error::Denied => FetchError::NotGranted { host },
        Error::Prohibited => FetchError::Prohibited { host },
        Error::TooSlow => FetchError::TooSlow { host },
        Error::TooLarge => FetchError::TooLarge { host, limit },
        Error::NotAUrl => {
            FetchError::Unreachable { host, reason: "its address is not one".to_owned() }
        }
        Error::Failed(reason) => {
            FetchError::Unreachable { host, reason: reason.chars().take(200).collect() }
        }
    }
}

/// A header field, if it can stand in the next request too.
fn field(response: &Response, name: &str) -> Option<String> {
    let text = response.header(name)?.trim();
    let plain = text.len() <= 1000 && text.chars().all(|letter| !letter.is_control());
    (plain && !text.is_empty()).then(|| text.to_owned())
}
