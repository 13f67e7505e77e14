//! `newleaf probe`: asks a worker's private socket for its health. Started by the launcher from
//! the launcher's own image, so that no version judges itself.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// More than this is no health answer.
const MAX_ANSWER: usize = 16 * 1024;

/// Asks `socket`; exits 0, or prints the reason in one line and exits 1.
pub(crate) fn run_probe(socket: &Path, within: Duration) -> ExitCode {
    match ask(socket, within) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // Without a reader the exit status says it all.
            drop(writeln!(io::stdout(), "{why}"));
            ExitCode::FAILURE
        }
    }
}

/// Healthy, or why not.
pub(crate) fn ask(socket: &Path, within: Duration) -> Result<(), String> {
    let answer = exchange(socket, within).map_err(|error| {
        if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
            format!("gave no answer within {} ms", within.as_millis())
        } else {
            format!("could not be asked: {error}")
        }
    })?;
    judge(&String::from_utf8_lossy(&answer))
}

fn exchange(socket: &Path, within: Duration) -> io::Result<Vec<u8>> {
    let until = Instant::now() + within;
    let mut stream = UnixStream::connect(socket)?;
    stream.set_write_timeout(Some(within))?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: probe\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut part) {
            Ok(0) => return Ok(answer),
            Ok(read) => answer.extend_from_slice(&part[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if answer.len() > MAX_ANSWER {
            return Ok(answer);
        }
    }
}

/// Reads an HTTP/1.1 answer (RFC 9112 §4): the status decides, the body's first line explains.
fn judge(answer: &str) -> Result<(), String> {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok());
    let reason = body.lines().next().unwrap_or_default().trim();
    match status {
        Some(200) => Ok(()),
        Some(status) if reason.is_empty() => Err(format!("answered {status}")),
        Some(status) => Err(format!("answered {status}: {reason}")),
        None => Err("answered something that is not HTTP".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_200_is_healthy_and_the_body_says_why_not() {
        assert_eq!(judge("HTTP/1.1 200 OK\r\n\r\nhealthy\n"), Ok(()));
        let sick = judge("HTTP/1.1 503 Service Unavailable\r\na: b\r\n\r\nno disk\n");
        assert_eq!(sick, Err("answered 503: no disk".to_owned()));
        assert_eq!(judge("HTTP/1.1 404 Not Found\r\n\r\n"), Err("answered 404".to_owned()));
        assert!(judge("SSH-2.0").is_err());
        assert!(judge("").is_err());
    }

    #[test]
    fn a_worker_that_says_nothing_is_waited_for_no_longer_than_allowed() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("s");
        let _silent = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let why = ask(&socket, Duration::from_millis(30)).unwrap_err();
        assert_eq!(why, "gave no answer within 30 ms");
    }
}
