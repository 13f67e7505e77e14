//! Two workers that share a listener, and clients that must not notice.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::*;
use crate::shutdown::{Shutdown, ShutdownWatch};

fn short() -> Manners {
    Manners { linger: Duration::from_millis(150), ..Manners::default() }
}

struct Running {
    shutdown: Shutdown,
    served: JoinHandle<()>,
    traffic: Arc<Traffic>,
}

impl Running {
    fn on(listener: &std::net::TcpListener, router: impl FnOnce(ShutdownWatch) -> Router) -> Self {
        Self::with(listener, router, short(), None)
    }

    fn with(
        listener: &std::net::TcpListener,
        router: impl FnOnce(ShutdownWatch) -> Router,
        manners: Manners,
        most: Option<usize>,
    ) -> Self {
        let (shutdown, watch) = Shutdown::new();
        let listener = Listener::tcp(listener.try_clone().unwrap()).unwrap();
        let traffic = Arc::new(Traffic::default());
        let crowd = most.and_then(std::num::NonZeroUsize::new).map(Crowd::of);
        let doors = vec![Door { listener, router: router(watch.clone()), crowd }];
        let served = tokio::spawn(serve(doors, watch, Arc::clone(&traffic), manners));
        Self { shutdown, served, traffic }
    }

    async fn drain(self) {
        self.shutdown.begin(Duration::from_secs(30));
        self.served.await.unwrap();
        assert_eq!((self.traffic.connections(), self.traffic.requests()), (0, 0));
    }
}

fn listener() -> (std::net::TcpListener, SocketAddr) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

fn echo(name: &'static str) -> impl FnOnce(ShutdownWatch) -> Router {
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
struct Client {
    addr: SocketAddr,
    open: Option<BufReader<TcpStream>>,
}

impl Client {
    const fn to(addr: SocketAddr) -> Self {
        Self { addr, open: None }
    }

    async fn ask(&mut self, request: &[u8]) -> std::io::Result<String> {
        let mut stream = match self.open.take() {
            Some(open) => open,
            None => BufReader::new(TcpStream::connect(self.addr).await?),
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

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keep_alive_clients_lose_nothing_over_six_handovers() {
    let (listener, addr) = listener();
    let mut now = Running::on(&listener, echo("0"));
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let answered = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..16)
        .map(|_| {
            let (stopped, answered) = (stopped.clone(), Arc::clone(&answered));
            tokio::spawn(async move {
                let mut client = Client::to(addr);
                while !*stopped.borrow() {
                    client.ask(GET).await.unwrap();
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for name in ["1", "2", "3", "4", "5", "6"] {
        let next = Running::on(&listener, echo(name));
        let mut client = Client::to(addr);
        while client.ask(GET).await.unwrap() != name {
            client.open = None;
        }
        std::mem::replace(&mut now, next).drain().await;
        let enough = answered.load(Ordering::Relaxed) + 500;
        while answered.load(Ordering::Relaxed) < enough && clients.iter().all(|c| !c.is_finished())
        {
            tokio::task::yield_now().await;
        }
    }
    stop.send_replace(true);
    for client in clients {
        client.await.unwrap();
    }
    now.drain().await;
}

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
async fn a_request_that_has_arrived_in_part_is_answered() {
    let (listener, addr) = listener();
    let running = Running::on(&listener, echo("a"));
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(b"POST /slow HTTP/1.1\r\nhost: a\r\ncontent-le").await.unwrap();
    while running.traffic.connections() == 0 {
        tokio::task::yield_now().await;
    }
    running.shutdown.begin(Duration::from_secs(30));
    stream.write_all(b"ngth: 2\r\n\r\nhi").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hi"), "{answer}");
    running.drain().await;
}

#[tokio::test]
async fn an_event_stream_is_told_and_ends() {
    let (listener, addr) = listener();
    let running = Running::on(&listener, |watch| {
        Router::new().route(
            "/",
            get(async move || {
                let ends = futures_util::stream::once(async move {
                    watch.begun().await;
                    Ok::<_, std::convert::Infallible>(Event::default().data("reconnect"))
                });
                Sse::new(ends)
            }),
        )
    });
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(GET).await.unwrap();
    while running.traffic.requests() == 0 {
        tokio::task::yield_now().await;
    }
    running.drain().await;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("data: reconnect"), "{answer}");
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

#[tokio::test]
async fn http2_is_told_to_go_away_at_once() {
    let (listener, addr) = listener();
    let running = Running::on(&listener, echo("a"));
    let stream = TcpStream::connect(addr).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake::<_, _, axum::body::Body>(executor, io)
            .await
            .unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::get(format!("http://{addr}/")).body(axum::body::Body::empty()).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    drop(answer);
    running.drain().await;
    connection.await.unwrap().unwrap();
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
