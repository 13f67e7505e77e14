//! Requests to the outside: `newleaf_sdk::fetch::get("https://example.com/feed.xml")`.
//!
//! A host must be named in `manifest.json` (`{"kind": "http", "host": "example.com", "reason": …}`)
//! and granted by the administrator. The host of the app bounds time and size; it follows no
//! redirect, so that an app sees where it is sent before it asks there.

use std::fmt;

use wasip2::{
    http::{
        outgoing_handler,
        types::{
            ErrorCode, Fields, IncomingBody, IncomingResponse, Method, OutgoingBody,
            OutgoingRequest, Scheme, http_error_code,
        },
    },
    io::streams::StreamError,
};

/// The most that one call may write, or read.
const CHUNK: usize = 4096;
const PIECE: u64 = 64 * 1024;

/// A request to the outside.
#[derive(Debug, Clone)]
pub struct Request {
    method: Method,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    at_most: usize,
}

/// An answer, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status, such as 200.
    pub status: u16,
    /// The header fields, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// It is no `http://` or `https://` address.
    NotAUrl,
    /// The host is not granted to this app, or its requests are refused altogether.
    Denied,
    /// The name leads to an address that apps may not reach.
    Prohibited,
    /// The answer did not come in time.
    TooSlow,
    /// The request, or the answer, is larger than allowed.
    TooLarge,
    /// Anything else, in words.
    Failed(String),
}

/// Asks for `url`.
pub fn get(url: &str) -> Result<Response, Error> {
    Request::get(url).send()
}

impl Request {
    /// A request for `url`.
    pub fn get(url: &str) -> Self {
        let (url, headers, body) = (url.to_owned(), Vec::new(), Vec::new());
        Self { method: Method::Get, url, headers, body, at_most: usize::MAX }
    }

    /// A request that sends `body`.
    pub fn post(url: &str, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let request = Self::get(url).header("content-type", media_type);
        Self { method: Method::Post, body: body.into(), ..request }
    }

    /// The same request with another method, such as `PUT`.
    #[must_use]
    pub fn with_method(mut self, method: &str) -> Self {
        self.method = match method {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "DELETE" => Method::Delete,
            "PATCH" => Method::Patch,
            "OPTIONS" => Method::Options,
            other => Method::Other(other.to_owned()),
        };
        self
    }

    /// The same request with one more field. Fields of the connection are the host's to set.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same request, whose answer is read up to `bytes` and not beyond: a longer body is
    /// [`Error::TooLarge`]. An app that reads what strangers send has less memory than they have bytes.
    #[must_use]
    pub fn at_most(mut self, bytes: usize) -> Self {
        self.at_most = bytes;
        self
    }

    /// Sends the request and reads the answer to its end.
    pub fn send(&self) -> Result<Response, Error> {
        let request = self.head()?;
        let body = request.body().map_err(|()| failed("the request has no body"))?;
        let pending = outgoing_handler::handle(request, None)?;
        self.write(body);
        pending.subscribe().block();
        match pending.get() {
            Some(Ok(answer)) => read(&answer?, self.at_most),
            Some(Err(())) | None => Err(failed("the answer was taken twice")),
        }
    }

    fn head(&self) -> Result<OutgoingRequest, Error> {
        let (scheme, authority, target) = parts(&self.url).ok_or(Error::NotAUrl)?;
        let fields = Fields::new();
        let length = self.body.len().to_string();
        let length = (!self.body.is_empty()).then_some(("content-length", length.as_str()));
        let own = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.chain(length) {
            let added = fields.append(name, value.as_bytes());
            added.map_err(|_| failed(&format!("the field {name} is not allowed")))?;
        }
        let request = OutgoingRequest::new(fields);
        let set = request
            .set_method(&self.method)
            .and_then(|()| request.set_scheme(Some(&scheme)))
            .and_then(|()| request.set_authority(Some(authority)))
            .and_then(|()| request.set_path_with_query(Some(&target)));
        set.map(|()| request).map_err(|()| Error::NotAUrl)
    }

    /// Writes the body. An error here is told by the answer, which then does not come.
    fn write(&self, body: OutgoingBody) {
        if let Ok(stream) = body.write() {
            let written = |chunk: &[u8]| stream.blocking_write_and_flush(chunk).is_ok();
            let _all = self.body.chunks(CHUNK).all(written);
        }
        // What the host took of it shows in the answer.
        let _ = OutgoingBody::finish(body, None);
    }
}

impl Response {
    /// Whether the status is of the 2xx class.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first field of this name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAUrl => f.write_str("it is no http:// or https:// address"),
            Self::Denied => f.write_str("this app has not been granted to talk to that host"),
            Self::Prohibited => f.write_str("that name leads where apps may not go"),
            Self::TooSlow => f.write_str("the answer did not come in time"),
            Self::TooLarge => f.write_str("it is larger than the host allows"),
            Self::Failed(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Error {}

impl From<ErrorCode> for Error {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a code that is not told apart is its words"
    )]
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::HttpRequestDenied => Self::Denied,
            ErrorCode::DestinationIpProhibited => Self::Prohibited,
            ErrorCode::HttpRequestUriInvalid => Self::NotAUrl,
            ErrorCode::DnsTimeout
            | ErrorCode::ConnectionTimeout
            | ErrorCode::ConnectionReadTimeout
            | ErrorCode::ConnectionWriteTimeout
            | ErrorCode::HttpResponseTimeout => Self::TooSlow,
            ErrorCode::HttpRequestBodySize(_)
            | ErrorCode::HttpResponseBodySize(_)
            | ErrorCode::HttpRequestHeaderSectionSize(_)
            | ErrorCode::HttpResponseHeaderSectionSize(_) => Self::TooLarge,
            other => Self::Failed(other.to_string()),
        }
    }
}

fn failed(reason: &str) -> Error {
    Error::Failed(reason.to_owned())
}

/// Scheme, authority and target of a URL; what stands behind `#` is not sent.
fn parts(url: &str) -> Option<(Scheme, &str, String)> {
    let url = url.split('#').next().unwrap_or_default();
    let (scheme, rest) = url.split_once("://")?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        _ => return None,
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    (!authority.is_empty()).then_some((scheme, authority, target))
}

fn read(answer: &IncomingResponse, at_most: usize) -> Result<Response, Error> {
    let headers = answer.headers().entries().into_iter();
    let headers = headers
        .map(|(name, value)| {
            (name.to_ascii_lowercase(), String::from_utf8_lossy(&value).into_owned())
        })
        .collect();
    let body = answer.consume().map_err(|()| failed("the answer has no body"))?;
    Ok(Response { status: answer.status(), headers, body: read_body(&body, at_most)? })
}

fn read_body(body: &IncomingBody, at_most: usize) -> Result<Vec<u8>, Error> {
    let stream = body.stream().map_err(|()| failed("the answer has no body"))?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(PIECE) {
            Ok(more) if more.len() > at_most - bytes.len() => return Err(Error::TooLarge),
            Ok(more) => bytes.extend_from_slice(&more),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(http_error_code(&error)
                    .map_or_else(|| failed(&error.to_debug_string()), Error::from));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> Option<String> {
        parts(url).map(|(scheme, authority, target)| format!("{scheme:?} {authority} {target}"))
    }

    #[test]
    fn a_url_is_taken_apart() {
        for (url, wanted) in [
            ("https://example.com", "Scheme::Https example.com /"),
            ("HTTP://example.com:8080/a?b=c#d", "Scheme::Http example.com:8080 /a?b=c"),
            ("https://example.com?q=1", "Scheme::Https example.com /?q=1"),
        ] {
            assert_eq!(shown(url).as_deref(), Some(wanted));
        }
        for url in ["", "example.com", "ftp://example.com/", "https:///x"] {
            assert_eq!(shown(url), None, "{url}");
        }
    }
}
