//! An open-loop client of HTTP/1.1 and HTTP/2: a fixed rate whatever the server does, every failure
//! classified.
//!
//! A connection is kept alive and used again; where all are busy a new one is opened. A pooled
//! connection that lay idle for a second is closed by the client, as careful pools do, because a
//! server may close an idle connection at any time (RFC 9112 §9.6). HTTP/2 goes by reqwest's pools,
//! which send again only what the server says it has not begun (RFC 9113 §8.7). Beyond that only
//! such a request is sent again of which no byte had left, and it is counted. Where this process cannot keep up with its rate it
//! holds back and counts what it held back: its own lateness is no failure of the server.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// One kind of request, and the answer that counts as good.
#[derive(Debug, Clone)]
pub struct Shot {
    /// Its name in the tally.
    pub name: &'static str,
    /// The method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// Content type and body, where there is one.
    pub body: Option<(&'static str, Bytes)>,
    /// The status that is expected.
    pub expect: StatusCode,
    /// What it is sent over.
    pub over: Over,
}

/// A version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// HTTP/1.1, keep-alive.
    Http1,
    /// HTTP/2 with prior knowledge (RFC 9113 §3.3).
    Http2,
}

/// What came of all requests.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    /// Requests begun.
    pub sent: u64,
    /// Answered with the expected status, body read to its end.
    pub ok: BTreeMap<&'static str, u64>,
    /// Failures by kind, such as `status 503`, `connect refused`, `connection closed`.
    pub failed: BTreeMap<String, u64>,
    /// The first failures in full.
    pub samples: Vec<String>,
    /// Microseconds of each good answer, unordered.
    pub latencies: Vec<u32>,
    /// Connections opened.
    pub connections: u64,
    /// Sent again, because the connection was gone before a byte of the request had left.
    pub sent_again: u64,
    /// Not begun, because too many were under way already.
    pub held_back: u64,
    /// When the last of those that failed had begun.
    pub last_failed: Option<Instant>,
    /// From the first request's beginning to the last one's.
    pub lasted: Duration,
}

impl Tally {
    /// All failures.
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    /// Requests a second that were begun.
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    pub fn rate(&self) -> f64 {
        self.sent as f64 / self.lasted.as_secs_f64().max(0.001)
    }

    /// Requests that are under way.
    pub fn under_way(&self) -> u64 {
        self.sent - self.ok.values().sum::<u64>() - self.failures()
    }

    /// The latency below which `share` (0 to 1) of the good answers lie, in milliseconds.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank in a list of some thousands"
    )]
    pub fn percentile(&self, share: f64) -> f64 {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let rank = ((sorted.len() as f64 - 1.0) * share).max(0.0) as usize;
        sorted.get(rank).map_or(0.0, |us| f64::from(*us) / 1000.0)
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} sent at {:.0}/s ({} held back, {} sent again), {} failed {:?}, p50 {:.1} ms, \
             p99 {:.1} ms, {} connections, ok {:?}",
            self.sent,
            self.rate(),
            self.held_back,
            self.sent_again,
            self.failures(),
            self.failed,
            self.percentile(0.5),
            self.percentile(0.99),
            self.connections,
            self.ok
        )?;
        for sample in &self.samples {
            write!(f, "\n  {sample}")?;
        }
        Ok(())
    }
}

/// A load that runs until it is stopped.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    runner: tokio::task::JoinHandle<()>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    address: SocketAddr,
    /// What requests say they are for: `Host` of HTTP/1.1, `:authority` of HTTP/2.
    authority: String,
    idle: Mutex<Vec<(Instant, SendRequest<Full<Bytes>>)>>,
    http2: Vec<reqwest::Client>,
    tally: Mutex<Tally>,
    answered: tokio::sync::Notify,
    began: Instant,
}

/// Names the setting by which whoever runs the tests asks for another rate.
pub const RATE: &str = "NEWLEAF_LOAD_RATE";

/// Requests a second: what [`RATE`] says, else `usual`.
pub fn rate(usual: u32) -> u32 {
    let asked = std::env::var(RATE).ok();
    asked.map_or(usual, |asked| {
        asked.parse().unwrap_or_else(|error| panic!("{RATE} is {asked:?}: {error}"))
    })
}

/// How long a pooled connection may lie idle before the client closes it.
const MAX_IDLE: Duration = Duration::from_secs(1);
/// After this a request has failed; well beyond any hold of the tests.
const PATIENCE: Duration = Duration::from_mins(1);
/// Each has room for so many requests at a time as a server lets one connection have.
const HTTP2_CONNECTIONS: u64 = 8;
const TICK: Duration = Duration::from_millis(10);
/// More than so many seconds' requests are never under way. A host that is given more than its
/// machine can do says so after a while (503), update or not.
const MOST_SECONDS: u64 = 2;

impl Load {
    /// Starts `per_second` requests a second against `address`, taking the shots in turn.
    pub fn start(address: SocketAddr, per_second: u32, shots: Vec<Shot>) -> Self {
        Self::start_for(&address.ip().to_string(), address, per_second, shots)
    }

    /// The same, of requests for the host called `name` at that address.
    pub fn start_for(name: &str, address: SocketAddr, per_second: u32, shots: Vec<Shot>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let shared = Arc::new(Shared {
            address,
            authority: format!("{name}:{}", address.port()),
            idle: Mutex::default(),
            http2: (0..HTTP2_CONNECTIONS).map(|_| http2(name, address)).collect(),
            tally: Mutex::default(),
            answered: tokio::sync::Notify::new(),
            began: Instant::now(),
        });
        let runner = tokio::spawn(run(Arc::clone(&shared), Arc::clone(&stop), per_second, shots));
        Self { stop, runner, shared }
    }

    /// Requests answered well so far.
    pub fn good(&self) -> u64 {
        self.shared.tally.lock().unwrap().ok.values().sum()
    }

    /// How it stands.
    pub fn so_far(&self) -> Tally {
        self.shared.tally.lock().unwrap().clone()
    }

    /// Waits until `requests` were answered well.
    pub async fn reaches(&self, requests: u64) {
        while self.good() < requests {
            self.shared.answered.notified().await;
        }
    }

    /// Stops, waits for what is under way, and returns the tally.
    pub async fn stop(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        self.runner.await.unwrap();
        self.shared.tally.lock().unwrap().clone()
    }
}

/// A pool of HTTP/2 connections, to which `name` is at `address`.
fn http2(name: &str, address: SocketAddr) -> reqwest::Client {
    // It wants one even where it speaks no TLS; another test may have been first.
    let _there = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().http2_prior_knowledge().no_proxy();
    client.resolve(name, address).build().unwrap()
}

/// Whether the request still waited for a stream of its own when the connection was given up: hyper
/// forgets such a one instead of giving it back.
fn has_never_left(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            return error.is_user() && error.to_string().contains("dispatch task is gone");
        }
        source = error.source();
    }
    false
}

async fn run(shared: Arc<Shared>, stop: Arc<AtomicBool>, per_second: u32, shots: Vec<Shot>) {
    let mut under_way = tokio::task::JoinSet::new();
    let mut due = 0.0;
    let mut turn = shots.iter().cycle();
    let mut ticks = tokio::time::interval(TICK);
    let began = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        due += f64::from(per_second) * TICK.as_secs_f64();
        while due >= 1.0 {
            due -= 1.0;
            if shared.holds_back(u64::from(per_second) * MOST_SECONDS) {
                continue;
            }
            let shot = turn.next().expect("at least one shot").clone();
            under_way.spawn(fire(Arc::clone(&shared), shot));
        }
        while under_way.try_join_next().is_some() {}
    }
    shared.tally.lock().unwrap().lasted = began.elapsed();
    while under_way.join_next().await.is_some() {}
}

async fn fire(shared: Arc<Shared>, shot: Shot) {
    let number = {
        let mut tally = shared.tally.lock().unwrap();
        tally.sent += 1;
        tally.sent
    };
    let began = Instant::now();
    let outcome = match tokio::time::timeout(PATIENCE, shared.one(&shot, number)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(("no answer".to_owned(), format!("{PATIENCE:?} passed"))),
    };
    let mut tally = shared.tally.lock().unwrap();
    match outcome {
        Ok(()) => {
            *tally.ok.entry(shot.name).or_default() += 1;
            tally.latencies.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
            shared.answered.notify_one();
        }
        Err((kind, detail)) => {
            *tally.failed.entry(kind.clone()).or_default() += 1;
            tally.last_failed = tally.last_failed.max(Some(began));
            if tally.samples.len() < 10 {
                let at = shared.began.elapsed().as_secs_f64();
                let took = began.elapsed().as_secs_f64();
                let name = shot.name;
                tally
                    .samples
                    .push(format!("at {at:.2} s, after {took:.2} s, {name}: {kind}: {detail}"));
            }
        }
    }
}

impl Shared {
    /// Whether `most` are under way; counts the one that is not begun.
    fn holds_back(&self, most: u64) -> bool {
        let mut tally = self.tally.lock().unwrap();
        let is_full = tally.under_way() >= most;
        tally.held_back += u64::from(is_full);
        is_full
    }

    async fn one(&self, shot: &Shot, number: u64) -> Result<(), (String, String)> {
        let (status, body) = match shot.over {
            Over::Http1 => self.by_http1(shot).await?,
            Over::Http2 => self.by_http2(shot, number).await?,
        };
        if status == shot.expect {
            return Ok(());
        }
        let head = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        Err((format!("status {}", status.as_u16()), head))
    }

    async fn by_http2(
        &self,
        shot: &Shot,
        number: u64,
    ) -> Result<(StatusCode, Bytes), (String, String)> {
        let failed = |error: reqwest::Error| ("HTTP/2".to_owned(), format!("{error:?}"));
        let uri = format!("http://{}{}", self.authority, shot.path);
        let client = usize::try_from(number % HTTP2_CONNECTIONS).unwrap_or_default();
        let answer = loop {
            let mut request = self.http2[client].request(shot.method.clone(), &uri);
            if let Some((content_type, bytes)) = &shot.body {
                request = request.header(header::CONTENT_TYPE, *content_type).body(bytes.clone());
            }
            match request.send().await {
                Ok(answer) => break answer,
                Err(error) if has_never_left(&error) => {
                    self.tally.lock().unwrap().sent_again += 1;
                }
                Err(error) => return Err(failed(error)),
            }
        };
        Ok((answer.status(), answer.bytes().await.map_err(failed)?))
    }

    async fn by_http1(&self, shot: &Shot) -> Result<(StatusCode, Bytes), (String, String)> {
        let (mut sender, answer) = loop {
            let mut sender = match self.pooled().await {
                Some(sender) => sender,
                None => self
                    .connect()
                    .await
                    .map_err(|error| (format!("connect {:?}", error.kind()), error.to_string()))?,
            };
            match sender.try_send_request(shot.request(&self.authority)).await {
                Ok(answer) => break (sender, answer),
                // It is given back whole, and goes over another connection.
                Err(error) if error.message().is_some() => {
                    self.tally.lock().unwrap().sent_again += 1;
                }
                Err(error) => {
                    return Err(("connection closed".to_owned(), format!("{:?}", error.error())));
                }
            }
        };
        let status = answer.status();
        let body = answer
            .into_body()
            .collect()
            .await
            .map_err(|error| ("body cut".to_owned(), format!("{error:?}")))?
            .to_bytes();
        if sender.ready().await.is_ok() {
            self.idle.lock().unwrap().push((Instant::now(), sender));
        }
        Ok((status, body))
    }

    async fn pooled(&self) -> Option<SendRequest<Full<Bytes>>> {
        loop {
            let (since, mut sender) = self.idle.lock().unwrap().pop()?;
            if since.elapsed() < MAX_IDLE && !sender.is_closed() && sender.ready().await.is_ok() {
                return Some(sender);
            }
        }
    }

    async fn connect(&self) -> std::io::Result<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(std::io::Error::other)?;
        // The error of a connection is the error of its request, which is counted there.
        tokio::spawn(async move { drop(connection.await) });
        self.tally.lock().unwrap().connections += 1;
        Ok(sender)
    }
}

impl Shot {
    fn request(&self, authority: &str) -> Request<Full<Bytes>> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&self.path)
            .header(header::HOST, authority);
        let mut body = Bytes::new();
        if let Some((content_type, bytes)) = &self.body {
            request = request.header(header::CONTENT_TYPE, *content_type);
            body = bytes.clone();
        }
        request.body(Full::new(body)).expect("a shot is a valid request")
    }
}
