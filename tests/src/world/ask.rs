//! Requests to a host's public address, and what they were answered.

use std::net::SocketAddr;
use std::time::Duration;

use super::Host;

/// What a request to the product was answered.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The head as text: the status line, then a line for each header.
    pub head: String,
    /// The body as text.
    pub body: String,
}

impl Answer {
    /// The value of a header; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        let fields = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut found = fields.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map_or("", |(_, value)| value.trim())
    }
}

impl Host {
    /// `GET path` on the public address.
    pub fn get(&self, path: &str) -> Answer {
        request(self.public, "GET", path, None)
    }

    /// `POST path` with a JSON body on the public address.
    pub fn post_json(&self, path: &str, body: &str) -> Answer {
        request(self.public, "POST", path, Some(body))
    }

    /// Posts a form to an app's own page on the public address.
    pub fn post_form(&self, path: &str, form: &str) -> Answer {
        let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
        request_with(self.public, "POST", path, headers, Some(form))
    }

    /// A request on the public address where maybe nobody is there to answer, with a JSON body
    /// where there is one.
    ///
    /// # Errors
    /// The connection is refused or breaks.
    pub fn try_request(
        &self,
        method: &str,
        path: &str,
        json: Option<&str>,
    ) -> std::io::Result<Answer> {
        let headers = if json.is_some() { "Content-Type: application/json\r\n" } else { "" };
        try_request_with(self.public, method, path, headers, json)
    }
}

/// One request over a connection of its own (RFC 9112), answered within 30 s.
fn request(address: SocketAddr, method: &str, path: &str, json: Option<&str>) -> Answer {
    let headers = if json.is_some() { "Content-Type: application/json\r\n" } else { "" };
    request_with(address, method, path, headers, json)
}

pub(super) fn request_with(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: Option<&str>,
) -> Answer {
    try_request_with(address, method, path, headers, body).unwrap()
}

fn try_request_with(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: Option<&str>,
) -> std::io::Result<Answer> {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let body = body.unwrap_or_default();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let none = || std::io::Error::other(format!("no status in {head:?}"));
    let (status, head, body) = (status.ok_or_else(none)?, head.to_owned(), body.to_owned());
    Ok(Answer { status, head, body })
}
