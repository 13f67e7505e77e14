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

const SHORT: Manners = Manners { linger: Duration::from_millis(150) };

struct Running {
    shutdown: Shutdown,
    served: JoinHandle<()>,
    traffic: Arc<Traffic>,
}

impl Running {
    fn on(listener: &std::net::TcpListener, router: impl FnOnce(ShutdownWatch) -> Router) -> Self {
        let (shutdown, watch) = Shutdown::new();
        let listener = Listener::tcp(listener.try_clone().unwrap()).unwrap();
        let traffic = Arc::new(Traffic::default());
        let doors = vec![Door { listener, router: router(watch.clone()) }];
        let served = tokio::spawn(serve(doors, watch, Arc::clone(&traffic), SHORT));
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
