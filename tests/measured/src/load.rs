//! A closed loop of requests that costs as little as it can: one thread, one request written again
//! and again, answers read to their end and compared by status alone.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What came of it.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Requests that were answered with 200.
    pub(crate) answered: u64,
    /// How long it took.
    pub(crate) lasted: Duration,
}

/// Asks `address` for `path` over so many connections, for about `time`.
///
/// # Errors
/// A connection fails, or an answer is not 200.
pub(crate) fn run(
    address: SocketAddr,
    path: &str,
    connections: usize,
    time: Duration,
) -> io::Result<Ran> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let began = Instant::now();
        let mut running = JoinSet::new();
        for _ in 0..connections {
            running.spawn(ask(address, request.clone(), began + time));
        }
        let mut answered = 0;
        while let Some(ended) = running.join_next().await {
            answered += ended.map_err(io::Error::other)??;
        }
        Ok(Ran { answered, lasted: began.elapsed() })
    })
}

async fn ask(address: SocketAddr, request: String, until: Instant) -> io::Result<u64> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut answered, mut read) = (0, Vec::with_capacity(4096));
    while Instant::now() < until {
        stream.write_all(request.as_bytes()).await?;
        read.clear();
        while !is_whole(&read) {
            if stream.read_buf(&mut read).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        if !read.starts_with(b"HTTP/1.1 200 ") {
            let head = String::from_utf8_lossy(&read).into_owned();
            return Err(io::Error::other(head));
        }
        answered += 1;
    }
    Ok(answered)
}

/// Whether an answer is there to its end, by its length or its last chunk (RFC 9112 §6).
fn is_whole(read: &[u8]) -> bool {
    let Some(head) = read.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let (head, body) = (&read[..head], &read[head + 4..]);
    let length = head.split(|byte| *byte == b'\n').find_map(|line| {
        let line = std::str::from_utf8(line).ok()?;
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") { value.trim().parse().ok() } else { None }
    });
    length.map_or_else(|| body.ends_with(b"0\r\n\r\n"), |length: usize| body.len() >= length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_with_its_length_or_its_last_chunk() {
        for (text, whole) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", false),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n", false),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\n", false),
        ] {
            assert_eq!(is_whole(text.as_bytes()), whole, "{text:?}");
        }
    }
}
