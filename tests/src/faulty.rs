//! A server of static files that misbehaves on demand, down to the reset of a connection. Plain
//! sockets, so that it can do what a library of servers would not.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// What the server does in place of serving a file as it is.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Resets the connection after so many percent of the body.
    ResetAt(u64),
    /// Says no more after so many percent of the body, and keeps the connection open.
    StallAt(u64),
    /// Sends so many single bytes, one a second, and then the rest.
    Trickle(u64),
    /// Answers a range with the whole file.
    IgnoresRange,
    /// Answers a range with 416.
    Unsatisfiable,
    /// Answers a range with the bytes from one further on, and says so.
    WrongRange,
    /// Has another entity tag than before, and so another file.
    NewTag,
    /// Answers with this status and, where there is one, this `Retry-After`.
    Status(u16, Option<&'static str>),
    /// Answers 200 with the sign-in page of a network.
    Page,
    /// Flips one bit in the middle of the file.
    Corrupt,
    /// Sends these bytes in its place.
    Instead(Vec<u8>),
    /// Sends so many bytes more than the file has, without saying how many there are.
    Longer(usize),
}

/// A request for a file and what was sent for it.
#[derive(Debug, Clone)]
pub struct Served {
    /// The path that was asked for.
    pub path: String,
    /// The first byte of the range that was asked for.
    pub from: Option<u64>,
    /// The status code.
    pub status: u16,
    /// Bytes of the body that were handed to the system.
    pub sent: u64,
}

#[derive(Debug)]
struct Rule {
    ending: String,
    fault: Fault,
    left: usize,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    credentials: Option<&'static str>,
    rules: Mutex<Vec<Rule>>,
    log: Mutex<Vec<Served>>,
    changed: Condvar,
    stop: AtomicBool,
}

/// The server; it ends when this is dropped.
#[derive(Debug)]
pub struct Faulty {
    /// Its address.
    pub url: String,
    shared: Arc<Shared>,
}

impl Faulty {
    /// Serves the files below `folder`.
    pub fn serve(folder: &Path) -> Self {
        Self::start(folder, None)
    }

    /// Plays a proxy before a server of the files below `folder`, whatever its name; it wants
    /// `credentials`, the value of `Proxy-Authorization`.
    pub fn proxy(folder: &Path, credentials: &'static str) -> Self {
        Self::start(folder, Some(credentials))
    }

    fn start(folder: &Path, credentials: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            credentials,
            rules: Mutex::default(),
            log: Mutex::default(),
            changed: Condvar::new(),
            stop: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.stop.load(Ordering::SeqCst) {
                    return;
                }
                let (stream, shared) = (stream.unwrap(), Arc::clone(&serving));
                // A client that went away is what many of these faults are for.
                std::thread::spawn(move || drop(shared.answer(stream)));
            }
        });
        Self { url, shared }
    }

    /// From now on every request for a path with this ending has the fault.
    pub fn fault(&self, ending: &str, fault: Fault) {
        self.rule(ending, fault, usize::MAX);
    }

    /// The next request for a path with this ending has the fault; those after it have the faults
    /// that were named after it.
    pub fn fault_once(&self, ending: &str, fault: Fault) {
        self.rule(ending, fault, 1);
    }

    fn rule(&self, ending: &str, fault: Fault, left: usize) {
        let rule = Rule { ending: ending.to_owned(), fault, left };
        self.shared.rules.lock().unwrap().push(rule);
    }

    /// From now on nothing has a fault.
    pub fn mend(&self) {
        self.shared.rules.lock().unwrap().clear();
    }

    /// Every request so far for a path with this ending.
    pub fn served(&self, ending: &str) -> Vec<Served> {
        let log = self.shared.log.lock().unwrap();
        log.iter().filter(|served| served.path.ends_with(ending)).cloned().collect()
    }

    /// Waits for `count` requests for paths with this ending to have been answered, as far as they
    /// will be.
    pub fn wait_for(&self, ending: &str, count: usize) {
        let deadline = Instant::now() + Duration::from_mins(2);
        let mut log = self.shared.log.lock().unwrap();
        while log.iter().filter(|served| served.path.ends_with(ending)).count() < count {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{ending} was not asked for {count} times: {log:#?}");
            log = self.shared.changed.wait_timeout(log, left).unwrap().0;
        }
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for a connection.
        drop(TcpStream::connect(self.url.trim_start_matches("http://")));
    }
}

/// What a client asks for.
struct Request {
    path: String,
    from: Option<u64>,
    if_range: Option<String>,
    proxy_authorization: Option<String>,
}

impl Request {
    fn read(stream: &TcpStream) -> std::io::Result<Self> {
        let mut lines = BufReader::new(stream).lines();
        let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
        let target = first.split(' ').nth(1).unwrap_or_default();
        // A proxy is asked in the absolute form (RFC 9112 §3.2.2).
        let path = match target.strip_prefix("http://") {
            Some(rest) => rest.find('/').map_or("/", |at| &rest[at..]),
            None => target,
        };
        let path = path.to_owned();
        let mut request = Self { path, from: None, if_range: None, proxy_authorization: None };
        for line in lines {
            let line = line?;
            let Some((name, value)) = line.split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "range" => {
                    let first = value.strip_prefix("bytes=").and_then(|it| it.strip_suffix('-'));
                    request.from = first.and_then(|first| first.parse().ok());
                }
                "if-range" => request.if_range = Some(value.to_owned()),
                "proxy-authorization" => request.proxy_authorization = Some(value.to_owned()),
                _ => {}
            }
        }
        Ok(request)
    }
}

impl Shared {
    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let request = Request::read(&stream)?;
        if self.credentials.is_some() && request.proxy_authorization.as_deref() != self.credentials
        {
            let head = "Proxy-Authenticate: Basic realm=\"proxy\"\r\n";
            return self.send(&mut stream, &request, 407, head, b"");
        }
        let fault = self.fault_of(&request.path);
        match &fault {
            Some(Fault::Status(status, retry_after)) => {
                let head =
                    retry_after.map_or_else(String::new, |it| format!("Retry-After: {it}\r\n"));
                self.send(&mut stream, &request, *status, &head, b"busy")
            }
            Some(Fault::Page) => {
                let head = "Content-Type: text/html; charset=utf-8\r\n";
                self.send(&mut stream, &request, 200, head, b"<html>Sign in to this network</html>")
            }
            _ => self.answer_with_file(stream, &request, fault.as_ref()),
        }
    }

    fn fault_of(&self, path: &str) -> Option<Fault> {
        let mut rules = self.rules.lock().unwrap();
        let matches = |rule: &&mut Rule| rule.left > 0 && path.ends_with(&rule.ending);
        let rule = rules.iter_mut().find(matches)?;
        rule.left -= 1;
        Some(rule.fault.clone())
    }

    fn answer_with_file(
        &self,
        mut stream: TcpStream,
        request: &Request,
        fault: Option<&Fault>,
    ) -> std::io::Result<()> {
        let file = std::fs::read(self.folder.join(request.path.trim_start_matches('/')));
        let mut bytes = match (fault, file) {
            (Some(Fault::Instead(bytes)), _) => bytes.clone(),
            (_, Ok(bytes)) => bytes,
            (_, Err(_)) => return self.send(&mut stream, request, 404, "", b"no such file"),
        };
        if matches!(fault, Some(Fault::Corrupt)) {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        let tag = if matches!(fault, Some(Fault::NewTag)) { "\"new\"" } else { "\"old\"" };
        let tag_line = format!("ETag: {tag}\r\n");
        let from = request.from.filter(|_| request.if_range.as_deref().is_none_or(|it| it == tag));
        let length = bytes.len();
        match (from, fault) {
            (Some(_), Some(Fault::Unsatisfiable)) => {
                let head = format!("Content-Range: bytes */{length}\r\n");
                self.send(&mut stream, request, 416, &head, b"")
            }
            (Some(from), Some(Fault::WrongRange)) => {
                let from = usize::try_from(from).unwrap() + 1;
                let head =
                    format!("{tag_line}Content-Range: bytes {from}-{}/{length}\r\n", length - 1);
                self.send(&mut stream, request, 206, &head, &bytes[from..])
            }
            (Some(from), fault) if !matches!(fault, Some(Fault::IgnoresRange)) => {
                let from = usize::try_from(from).unwrap();
                let head =
                    format!("{tag_line}Content-Range: bytes {from}-{}/{length}\r\n", length - 1);
                self.send_with(stream, request, 206, &head, &bytes[from..], fault)
            }
            _ => self.send_with(stream, request, 200, &tag_line, &bytes, fault),
        }
    }

    /// Sends a body with what may befall it on the way.
    fn send_with(
        &self,
        mut stream: TcpStream,
        request: &Request,
        status: u16,
        head: &str,
        body: &[u8],
        fault: Option<&Fault>,
    ) -> std::io::Result<()> {
        let percent = |share: u64| body.len() * usize::try_from(share).unwrap() / 100;
        match fault {
            Some(Fault::ResetAt(share)) => {
                start(&mut stream, status, head, Some(body.len()))?;
                let sent = stream.write_all(&body[..percent(*share)]);
                // Without time to linger, what is closed is reset (RFC 9293 §3.6).
                rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO))?;
                self.note(request, status, percent(*share));
                sent
            }
            Some(Fault::StallAt(share)) => {
                start(&mut stream, status, head, Some(body.len()))?;
                stream.write_all(&body[..percent(*share)])?;
                self.note(request, status, percent(*share));
                // Until the client has enough of it.
                stream.read(&mut [0]).map(drop)
            }
            Some(Fault::Trickle(count)) => {
                start(&mut stream, status, head, Some(body.len()))?;
                let count = usize::try_from(*count).unwrap();
                for byte in &body[..count] {
                    stream.write_all(&[*byte])?;
                    std::thread::sleep(Duration::from_secs(1));
                }
                stream.write_all(&body[count..])?;
                self.note(request, status, body.len());
                Ok(())
            }
            Some(Fault::Longer(more)) => {
                start(&mut stream, status, head, None)?;
                self.note(request, status, body.len() + more);
                stream.write_all(body)?;
                stream.write_all(&vec![0; *more])
            }
            _ => self.send(&mut stream, request, status, head, body),
        }
    }

    fn send(
        &self,
        stream: &mut TcpStream,
        request: &Request,
        status: u16,
        head: &str,
        body: &[u8],
    ) -> std::io::Result<()> {
        self.note(request, status, body.len());
        start(stream, status, head, Some(body.len()))?;
        stream.write_all(body)
    }

    fn note(&self, request: &Request, status: u16, sent: usize) {
        let Request { path, from, .. } = request;
        let served = Served { path: path.clone(), from: *from, status, sent: sent as u64 };
        self.log.lock().unwrap().push(served);
        self.changed.notify_all();
    }
}

fn start(
    stream: &mut TcpStream,
    status: u16,
    head: &str,
    length: Option<usize>,
) -> std::io::Result<()> {
    let length = length.map_or_else(String::new, |it| format!("Content-Length: {it}\r\n"));
    write!(stream, "HTTP/1.1 {status} Told\r\nConnection: close\r\n{length}{head}\r\n")
}
