//! Clients of one worker: slow ones, silent ones, too many; and what the tests of a handover
//! share.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::tls::tests::{Files, connector};
use super::*;
use crate::shutdown::{Shutdown, ShutdownWatch};

/// How a client speaks to a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    Plain,
    Tls,
}

impl Over {
    pub(super) const BOTH: [Self; 2] = [Self::Plain, Self::Tls];

    /// A new connection.
    pub(super) async fn connect(self, addr: SocketAddr) -> std::io::Result<Stream> {
        self.on(TcpStream::connect(addr).await?, &[]).await
    }

    /// The same on a connection that is there, with these protocols offered.
    pub(super) async fn on(self, stream: TcpStream, alpn: &[&[u8]]) -> std::io::Result<Stream> {
        Ok(match self {
            Self::Plain => Box::new(stream),
            Self::Tls => {
                let name = "localhost".try_into().unwrap();
                Box::new(connector("one", alpn).connect(name, stream).await?)
            }
        })
    }
}

pub(super) trait Duplex:
    tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send
{
}

impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send> Duplex for S {}

pub(super) type Stream = Box<dyn Duplex>;

pub(super) fn short() -> Manners {
    Manners { linger: Duration::from_millis(150), ..Manners::default() }
}

pub(super) struct Running {
    pub(super) shutdown: Shutdown,
    pub(super) served: JoinHandle<()>,
    pub(super) traffic: Arc<Traffic>,
}

impl Running {
    fn on(listener: &std::net::TcpListener, router: impl FnOnce(ShutdownWatch) -> Router) -> Self {
        Self::with(listener, router, short(), None)
    }

    /// A worker whose door is as `over` says.
    pub(super) fn over(over: Over, listener: &std::net::TcpListener, router: Router) -> Self {
        let tls = (over == Over::Tls).then(|| Files::of("one").keeper().acceptor().unwrap());
        Self::start(listener, |_| router, (short(), None), tls)
    }

    fn with(
        listener: &std::net::TcpListener,
        router: impl FnOnce(ShutdownWatch) -> Router,
        manners: Manners,
        most: Option<usize>,
    ) -> Self {
        Self::start(listener, router, (manners, most), None)
    }

    pub(super) fn start(
        listener: &std::net::TcpListener,
        router: impl FnOnce(ShutdownWatch) -> Router,
        (manners, most): (Manners, Option<usize>),
        tls: Option<tokio_rustls::TlsAcceptor>,
    ) -> Self {
        Self::behind(listener, router, (manners, most), (tls, Idle::Stays))
    }

    pub(super) fn behind(
        listener: &std::net::TcpListener,
        router: impl FnOnce(ShutdownWatch) -> Router,
        (manners, most): (Manners, Option<usize>),
        (tls, idle): (Option<tokio_rustls::TlsAcceptor>, Idle),
    ) -> Self {
        let (shutdown, watch) = Shutdown::new();
        let listener = Listener::tcp(listener.try_clone().unwrap()).unwrap();
        let traffic = Arc::new(Traffic::default());
        let crowd = most.and_then(std::num::NonZeroUsize::new).map(Crowd::of);
        let doors = vec![Door { listener, tls, router: router(watch.clone()), crowd, idle }];
        let served = tokio::spawn(serve(doors, watch, Arc::clone(&traffic), manners));
        Self { shutdown, served, traffic }
    }

    pub(super) async fn drain(self) {
        self.shutdown.begin(Duration::from_secs(30));
        self.served.await.unwrap();
        assert_eq!((self.traffic.connections(), self.traffic.requests()), (0, 0));
    }
}

pub(super) fn listener() -> (std::net::TcpListener, SocketAddr) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

pub(super) fn echo(name: &'static str) -> impl FnOnce(ShutdownWatch) -> Router {
    move |_| {
        Router::new().route("/", get(move || async move { name })).route(
            "/slow",
            post(|body: String| async move {
                tokio::time::sleep(Duration::from_millis(40)).await;
                body
            }),
        )
    }
}

/// A keep-alive client that knows no retry: a broken exchange is a lost request.
pub(super) struct Client {
    over: Over,
    addr: SocketAddr,
    pub(super) open: Option<BufReader<Stream>>,
}

impl Client {
    const fn to(addr: SocketAddr) -> Self {
        Self::over(Over::Plain, addr)
    }

    pub(super) const fn over(over: Over, addr: SocketAddr) -> Self {
        Self { over, addr, open: None }
    }

    pub(super) async fn ask(&mut self, request: &[u8]) -> std::io::Result<String> {
        let mut stream = match self.open.take() {
            Some(open) => open,
            None => BufReader::new(self.over.connect(self.addr).await?),
        };
        stream.get_mut().write_all(request).await?;
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).await?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        stream.read_exact(&mut body).await?;
        assert!(head.starts_with("http/1.1 200"), "{head}");
        if !head.contains("connection: close") {
            self.open = Some(stream);
        }
        Ok(String::from_utf8(body).unwrap())
    }
}

pub(super) const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

#[tokio::test]
async fn an_idle_connection_is_used_once_more_and_then_closed_by_the_answer() {
    let (listener, addr) = listener();
    let running = Running::on(&listener, echo("a"));
    let mut client = Client::to(addr);
    client.ask(GET).await.unwrap();
    assert!(client.open.is_some());
    running.shutdown.begin(Duration::from_secs(30));
    client.ask(GET).await.unwrap();
    assert!(client.open.is_none(), "the answer did not close the connection");
    running.drain().await;
}

#[tokio::test]
async fn what_never_ends_is_cut_at_the_limit() {
    let (listener, addr) = listener();
    let running = Running::on(&listener, |_| {
        Router::new().route("/", get(async || std::future::pending::<String>().await))
    });
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(GET).await.unwrap();
    while running.traffic.requests() == 0 {
        tokio::task::yield_now().await;
    }
    running.shutdown.begin(Duration::from_millis(50));
    running.served.await.unwrap();
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
}

/// Sends `bytes` and reads until the host closes the connection.
async fn exchange(addr: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    read_to_the_end(&mut stream).await
}

async fn read_to_the_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let read = tokio::time::timeout(Duration::from_secs(20), read).await;
    // A connection that is cut may also be reset.
    drop(read.expect("the connection stays open"));
    String::from_utf8_lossy(&answer).into_owned()
}

const WAIT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_body_below_the_pace_is_answered_with_408_and_another_goes_on() {
    let (listener, addr) = listener();
    let pace = Pace { rate: 1000, window: WAIT, within: Duration::from_secs(30) };
    let running = Running::with(&listener, echo("a"), Manners { pace, ..short() }, None);
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream
        .write_all(b"POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 900\r\n\r\n1")
        .await
        .unwrap();
    assert_eq!(Client::to(addr).ask(GET).await.unwrap(), "a");
    let answer = read_to_the_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("connection: close") && answer.contains("1 bytes in"), "{answer}");
    running.drain().await;
}

#[tokio::test]
async fn a_burst_at_the_beginning_buys_no_slowness_later_and_no_pace_no_endless_body() {
    for (rate, within) in [(1000, Duration::from_secs(30)), (0, WAIT)] {
        let (listener, addr) = listener();
        let pace = Pace { rate, window: WAIT, within };
        let running = Running::with(&listener, echo("a"), Manners { pace, ..short() }, None);
        let mut request =
            b"POST /slow HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n4000\r\n"
                .to_vec();
        request.resize(request.len() + 0x4000, b'x');
        let answer = exchange(addr, &request).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{rate}: {answer}");
        running.drain().await;
    }
}

#[tokio::test]
async fn a_body_that_nobody_asks_for_is_not_too_slow() {
    let (listener, addr) = listener();
    let pace = Pace { rate: 1000, window: WAIT, within: WAIT };
    let router = |_| {
        Router::new().route(
            "/",
            post(async |request: axum::extract::Request| {
                tokio::time::sleep(WAIT * 3).await;
                axum::body::to_bytes(request.into_body(), 10).await.unwrap()
            }),
        )
    };
    let running = Running::with(&listener, router, Manners { pace, ..short() }, None);
    let request = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi";
    assert_eq!(Client::to(addr).ask(request).await.unwrap(), "hi");
    running.drain().await;
}

#[tokio::test]
async fn whoever_says_nothing_or_half_a_head_is_let_go() {
    let (listener, addr) = listener();
    let manners = Manners { idle_within: WAIT, head_within: WAIT, ..short() };
    let running = Running::with(&listener, echo("a"), manners, None);
    for said in [&b""[..], b"PRI * HTTP/2.0\r\n", b"GET / HTTP/1.1\r\nhost:"] {
        assert_eq!(exchange(addr, said).await, "");
    }
    running.drain().await;
}

#[tokio::test]
async fn a_head_in_dribbles_does_not_take_for_ever() {
    let (listener, addr) = listener();
    let manners = Manners { head_within: WAIT, ..short() };
    let running = Running::with(&listener, echo("a"), manners, None);
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nx-long: ").await.unwrap();
    while stream.write_all(b"x").await.is_ok() {
        tokio::time::sleep(WAIT / 10).await;
    }
    running.drain().await;
}

#[tokio::test]
async fn an_answer_that_is_left_unread_is_cut() {
    let (listener, addr) = listener();
    let manners = Manners { stall_within: WAIT, ..short() };
    let router = |_| Router::new().route("/", get(async || vec![0_u8; 64 << 20]));
    let running = Running::with(&listener, router, manners, None);
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(GET).await.unwrap();
    stream.read_exact(&mut [0; 12]).await.unwrap();
    while running.traffic.connections() > 0 {
        tokio::time::sleep(WAIT / 10).await;
    }
    running.drain().await;
}

#[tokio::test]
async fn an_event_stream_that_is_silent_is_not_unread() {
    let (listener, addr) = listener();
    let manners = Manners { stall_within: WAIT, idle_within: WAIT, head_within: WAIT, ..short() };
    let router = |_| {
        Router::new().route(
            "/",
            get(async || {
                let late = futures_util::stream::once(async {
                    tokio::time::sleep(WAIT * 4).await;
                    Ok::<_, std::convert::Infallible>(Event::default().data("late"))
                });
                Sse::new(late)
            }),
        )
    };
    let running = Running::with(&listener, router, manners, None);
    assert!(exchange(addr, GET).await.contains("data: late"));
    running.drain().await;
}

#[tokio::test]
async fn in_a_full_house_who_idles_longest_gives_way() {
    let (listener, addr) = listener();
    let running = Running::with(&listener, echo("a"), short(), Some(4));
    let mut idle = Vec::new();
    for _ in 0..8 {
        idle.push(TcpStream::connect(addr).await.unwrap());
    }
    let asked = tokio::time::timeout(Duration::from_secs(20), async {
        Client::to(addr).ask(GET).await.unwrap()
    });
    assert_eq!(asked.await.unwrap(), "a");
    assert!(running.traffic.connections() <= 4);
    assert_eq!(read_to_the_end(&mut idle[0]).await, "", "the first to come was the first to go");
    running.drain().await;
}

#[tokio::test]
async fn who_is_being_answered_does_not_give_way() {
    let (listener, addr) = listener();
    let running = Running::with(&listener, echo("a"), short(), Some(1));
    let mut busy = TcpStream::connect(addr).await.unwrap();
    busy.write_all(b"POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nh").await.unwrap();
    while running.traffic.requests() == 0 {
        tokio::task::yield_now().await;
    }
    let mut client = Client::to(addr);
    let mut asking = std::pin::pin!(client.ask(GET));
    assert!(tokio::time::timeout(WAIT * 4, asking.as_mut()).await.is_err());
    busy.write_all(b"i").await.unwrap();
    let mut head = [0; 12];
    busy.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    assert_eq!(asking.await.unwrap(), "a");
    drop(busy);
    running.drain().await;
}
