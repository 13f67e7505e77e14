//! A client that reads whatever it is sent, however malformed, and says how it ended.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long the next byte of an answer may take: longer than an app may take for all of it.
const PATIENCE: Duration = Duration::from_secs(20);

/// How much of a body is kept to look at.
const KEPT: usize = 64 * 1024;

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    head: String,
    body: Vec<u8>,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The status; 0 where there was none.
    pub(crate) status: u16,
    /// All up to the body.
    pub(crate) head: String,
    /// The body's beginning as it was sent, its framing removed where it was chunked.
    pub(crate) body: Vec<u8>,
    /// Bytes after the head.
    pub(crate) length: u64,
    /// Whether it ended as it had said it would (RFC 9112 §8).
    pub(crate) is_whole: bool,
}

impl Asked {
    /// `GET` of an app's path.
    pub(crate) fn get(app: &str, path: &str) -> Self {
        Self::of("GET", app, path, &[])
    }

    /// `POST` to an app's path.
    pub(crate) fn post(app: &str, path: &str, body: &[u8]) -> Self {
        Self::of("POST", app, path, body)
    }

    fn of(method: &str, app: &str, path: &str, body: &[u8]) -> Self {
        let head = format!(
            "{method} /apps/acme/{app}{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        Self { head, body: body.to_vec() }
    }
}

/// Asks over a connection of its own.
pub(crate) fn ask(address: SocketAddr, asked: &Asked) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(asked.head.as_bytes())?;
    // A server that answers before it has read the body may close the connection meanwhile.
    drop(stream.write_all(&asked.body));
    let (mut kept, mut end, mut read) = (Vec::new(), Vec::new(), 0_u64);
    let mut buffer = vec![0; 64 * 1024];
    let closed = loop {
        match stream.read(&mut buffer) {
            Ok(0) => break true,
            Ok(length) => {
                read += length as u64;
                let room = KEPT.saturating_sub(kept.len()).min(length);
                kept.extend_from_slice(&buffer[..room]);
                end.extend_from_slice(&buffer[..length]);
                end.drain(..end.len().saturating_sub(64));
            }
            Err(error) if kept.is_empty() => return Err(error),
            Err(_) => break false,
        }
    };
    Ok(Answer::of(&kept, &end, read, closed))
}

/// Asks the same `count` times at once; a connection that breaks without an answer has status 0.
pub(crate) fn ask_many(address: SocketAddr, asked: &Asked, count: usize) -> Vec<Answer> {
    std::thread::scope(|scope| {
        let askers: Vec<_> = (0..count)
            .map(|_| scope.spawn(|| ask(address, asked).unwrap_or_else(|_| Answer::none())))
            .collect();
        askers.into_iter().map(|asker| asker.join().unwrap()).collect()
    })
}

impl Answer {
    fn none() -> Self {
        Self { status: 0, head: String::new(), body: Vec::new(), length: 0, is_whole: false }
    }

    fn of(kept: &[u8], end: &[u8], read: u64, closed: bool) -> Self {
        let at =
            kept.windows(4).position(|four| four == b"\r\n\r\n").map_or(kept.len(), |at| at + 4);
        let head = String::from_utf8_lossy(&kept[..at]).into_owned();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        let length = read - at as u64;
        let mut answer = Self {
            status,
            head,
            body: kept[at..].to_vec(),
            length,
            is_whole: closed && status != 0,
        };
        if answer.header("transfer-encoding").is_some() {
            answer.is_whole = end.ends_with(b"\r\n\r\n");
            answer.body = unchunked(&answer.body);
        } else if let Some(said) = answer.header("content-length") {
            answer.is_whole = said.parse() == Ok(length);
        }
        answer
    }

    /// The first field of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).into_iter().next()
    }

    /// All fields of this name.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.head.split("\r\n").filter_map(|line| line.split_once(':'));
        let named = lines.filter(|(found, _)| found.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.trim()).collect()
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The data of a chunked body (RFC 9112 §7.1), as far as it was kept.
fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&rest[..line]).ok();
        let size = size.and_then(|size| usize::from_str_radix(size, 16).ok()).unwrap_or(0);
        rest = &rest[line + 2..];
        if size == 0 {
            break;
        }
        data.extend_from_slice(&rest[..size.min(rest.len())]);
        rest = rest.get(size + 2..).unwrap_or_default();
    }
    data
}
