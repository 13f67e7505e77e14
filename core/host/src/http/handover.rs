//! Two workers that share a listener, and clients that must not notice, over plain HTTP and TLS.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures_util::StreamExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::tests::{Client, GET, Over, Running, Stream, echo, listener, short};
use super::tls::tests::{Files, connector};
use super::{Idle, Manners};
use crate::shutdown::{Shutdown, ShutdownWatch};

const LONG: Duration = Duration::from_secs(30);

fn named(name: &'static str) -> Router {
    echo(name)(ShutdownWatch::never())
}

async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

async fn read_to_the_end(stream: &mut Stream) -> String {
    let mut answer = String::new();
    let read = tokio::time::timeout(LONG, stream.read_to_string(&mut answer)).await;
    // Over TLS, an end without close_notify would be an error.
    read.expect("the connection stays open").unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keep_alive_clients_lose_nothing_over_six_handovers() {
    for over in Over::BOTH {
        six_handovers(over).await;
    }
}

async fn six_handovers(over: Over) {
    let (listener, addr) = listener();
    let mut now = Running::over(over, &listener, named("0"));
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let answered = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..16)
        .map(|_| {
            let (stopped, answered) = (stopped.clone(), Arc::clone(&answered));
            tokio::spawn(async move {
                let mut client = Client::over(over, addr);
                while !*stopped.borrow() {
                    client.ask(GET).await.unwrap();
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for name in ["1", "2", "3", "4", "5", "6"] {
        let next = Running::over(over, &listener, named(name));
        let mut client = Client::over(over, addr);
        while client.ask(GET).await.unwrap() != name {
            client.open = None;
        }
        std::mem::replace(&mut now, next).drain().await;
        let enough = answered.load(Ordering::Relaxed) + 500;
        let is_over = || clients.iter().any(tokio::task::JoinHandle::is_finished);
        until(|| answered.load(Ordering::Relaxed) >= enough || is_over()).await;
    }
    stop.send_replace(true);
    for client in clients {
        client.await.unwrap();
    }
    now.drain().await;
}

#[tokio::test]
async fn a_request_that_has_arrived_in_part_is_answered() {
    for over in Over::BOTH {
        let (listener, addr) = listener();
        let running = Running::over(over, &listener, named("a"));
        let mut stream = over.connect(addr).await.unwrap();
        stream.write_all(b"POST /slow HTTP/1.1\r\nhost: a\r\ncontent-le").await.unwrap();
        stream.flush().await.unwrap();
        until(|| running.traffic.connections() > 0).await;
        running.shutdown.begin(LONG);
        stream.write_all(b"ngth: 2\r\n\r\nhi").await.unwrap();
        stream.flush().await.unwrap();
        let answer = read_to_the_end(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hi"), "{answer}");
        running.drain().await;
    }
}

#[tokio::test]
async fn a_half_sent_upload_is_taken_to_its_end_while_the_next_worker_serves() {
    for over in Over::BOTH {
        let (listener, addr) = listener();
        let old = Running::over(over, &listener, named("old"));
        let mut stream = over.connect(addr).await.unwrap();
        let half = vec![b'x'; 100_000];
        stream
            .write_all(b"POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 200000\r\n\r\n")
            .await
            .unwrap();
        stream.write_all(&half).await.unwrap();
        stream.flush().await.unwrap();
        until(|| old.traffic.requests() == 1).await;
        old.shutdown.begin(LONG);
        let new = Running::over(over, &listener, named("new"));
        let mut client = Client::over(over, addr);
        while client.ask(GET).await.unwrap() != "new" {
            client.open = None;
        }
        stream.write_all(&half).await.unwrap();
        stream.flush().await.unwrap();
        let answer = read_to_the_end(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{}", &answer[..100]);
        assert!(answer.ends_with(&"x".repeat(200_000)));
        drop(client);
        old.drain().await;
        new.drain().await;
    }
}

#[tokio::test]
async fn an_event_stream_is_told_to_come_back_and_ends() {
    let events = async |watch: ShutdownWatch| {
        let last = futures_util::stream::once(async move {
            watch.begun().await;
            Ok::<_, Infallible>(Event::default().data("my last word"))
        });
        Sse::new(last.chain(futures_util::stream::pending()))
    };
    for over in Over::BOTH {
        let (listener, addr) = listener();
        let running = Running::over(over, &listener, Router::new().route("/", get(events)));
        let mut stream = over.connect(addr).await.unwrap();
        stream.write_all(GET).await.unwrap();
        stream.flush().await.unwrap();
        until(|| running.traffic.requests() == 1).await;
        running.drain().await;
        let answer = read_to_the_end(&mut stream).await;
        let word = answer.find("data: my last word\n\n").unwrap();
        assert!(word < answer.find("retry: ").unwrap(), "{answer}");
    }
}

/// Takes the connection over, says what it hears, and closes it as a WebSocket's server does that
/// restarts: 1012 in a close frame (RFC 6455 §5.5.1).
async fn talk(watch: ShutdownWatch, mut request: Request) -> Response {
    tokio::spawn(async move {
        let upgraded = hyper::upgrade::on(&mut request).await.unwrap();
        let mut stream = TokioIo::new(upgraded);
        let mut byte = [0];
        loop {
            tokio::select! {
                read = stream.read_exact(&mut byte) => drop(read.unwrap()),
                () = watch.begun() => break,
            }
            stream.write_all(&byte).await.unwrap();
            stream.flush().await.unwrap();
        }
        stream.write_all(&[0x88, 2, 0x03, 0xf4]).await.unwrap();
        stream.shutdown().await.unwrap();
    });
    let head = [(header::CONNECTION, "upgrade"), (header::UPGRADE, "websocket")];
    (StatusCode::SWITCHING_PROTOCOLS, head).into_response()
}

async fn taken_over(over: Over, addr: std::net::SocketAddr) -> Stream {
    let mut stream = over.connect(addr).await.unwrap();
    stream
        .write_all(
            b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        )
        .await
        .unwrap();
    stream.flush().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    stream.write_all(b"!").await.unwrap();
    stream.flush().await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'!');
    stream
}

#[tokio::test]
async fn whoever_took_a_connection_over_is_told_and_waited_for() {
    for over in Over::BOTH {
        let (listener, addr) = listener();
        let running = Running::over(over, &listener, Router::new().route("/", get(talk)));
        let mut stream = taken_over(over, addr).await;
        assert_eq!(running.traffic.connections(), 1);
        running.drain().await;
        let mut close = Vec::new();
        stream.read_to_end(&mut close).await.unwrap();
        assert_eq!(close, [0x88, 2, 0x03, 0xf4]);
    }
}

#[tokio::test]
async fn who_does_not_let_go_of_a_connection_is_waited_for_no_longer_than_allowed() {
    let (listener, addr) = listener();
    let deaf = get(async |request: Request| talk(ShutdownWatch::never(), request).await);
    let running = Running::over(Over::Plain, &listener, Router::new().route("/", deaf));
    let _stream = taken_over(Over::Plain, addr).await;
    running.shutdown.begin(Duration::from_millis(50));
    running.served.await.unwrap();
    assert_eq!(running.traffic.connections(), 1);
}

#[tokio::test]
async fn a_client_that_never_reads_is_cut_at_the_limit_and_counted() {
    for over in Over::BOTH {
        let (listener, addr) = listener();
        let large = get(async || vec![0_u8; 64 << 20]);
        let running = Running::over(over, &listener, Router::new().route("/", large));
        let mut stream = over.connect(addr).await.unwrap();
        stream.write_all(GET).await.unwrap();
        stream.flush().await.unwrap();
        stream.read_exact(&mut [0; 12]).await.unwrap();
        running.shutdown.begin(Duration::from_millis(200));
        running.served.await.unwrap();
        let cut: Vec<_> = running.traffic.cut_so_far().into_iter().collect();
        assert_eq!(cut, [("an answer that its client does not read", 1)]);
    }
}

#[tokio::test]
async fn http2_is_told_to_go_away_at_once_and_its_requests_are_answered() {
    for over in Over::BOTH {
        let (listener, addr) = listener();
        let running = Running::over(over, &listener, named("a"));
        let stream = over.on(TcpStream::connect(addr).await.unwrap(), &[b"h2"]).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .unwrap();
        let connection = tokio::spawn(connection);
        let ask = |path: &str, body: &'static str| {
            let uri = format!("http://{addr}{path}");
            let method = if body.is_empty() { "GET" } else { "POST" };
            http::Request::builder().method(method).uri(uri).body(Body::from(body)).unwrap()
        };
        assert_eq!(sender.send_request(ask("/", "")).await.unwrap().status(), 200);
        let slow = sender.send_request(ask("/slow", "hi"));
        let slow = tokio::spawn(slow);
        until(|| running.traffic.requests() > 0).await;
        running.drain().await;
        assert_eq!(slow.await.unwrap().unwrap().status(), 200);
        drop(sender);
        connection.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_handshake_that_comes_while_a_worker_finishes_is_finished() {
    let (listener, addr) = listener();
    let running = Running::over(Over::Tls, &listener, named("a"));
    let stream = TcpStream::connect(addr).await.unwrap();
    until(|| running.traffic.connections() > 0).await;
    running.shutdown.begin(LONG);
    let mut stream = Over::Tls.on(stream, &[b"http/1.1"]).await.unwrap();
    stream.write_all(GET).await.unwrap();
    stream.flush().await.unwrap();
    let answer = read_to_the_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"));
    running.drain().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_with_a_last_word_of_tls() {
    let (listener, addr) = listener();
    let running = Running::over(Over::Tls, &listener, named("a"));
    let mut client = Client::over(Over::Tls, addr);
    client.ask(GET).await.unwrap();
    running.drain().await;
    let mut stream = client.open.unwrap();
    // Without close_notify (RFC 8446 §6.1) this is an error.
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
}

/// Waits until the host closes an idle connection; whether it did within that time.
async fn is_closed(client: &mut Client, within: Duration) -> bool {
    let stream = client.open.as_mut().unwrap();
    let read = tokio::time::timeout(within, stream.read(&mut [0; 8])).await;
    // Over TLS, an end without close_notify would be an error.
    read.is_ok_and(|read| read.unwrap() == 0)
}

#[tokio::test]
async fn however_long_a_client_was_silent_its_next_request_is_answered_while_another_serves() {
    for over in Over::BOTH {
        let (listener, addr) = listener();
        let old = Running::over(over, &listener, named("old"));
        let mut client = Client::over(over, addr);
        client.ask(GET).await.unwrap();
        old.shutdown.hand_over(LONG);
        assert!(!is_closed(&mut client, short().linger * 5).await, "{over:?}");
        assert_eq!(client.ask(GET).await.unwrap(), "old");
        assert!(client.open.is_none(), "the answer did not close the connection");
        old.served.await.unwrap();
        assert!(old.traffic.cut_so_far().is_empty());
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_not_cut_just_before_the_limit() {
    const LINGER: Duration = Duration::from_secs(1);
    let (listener, addr) = listener();
    let manners = Manners { linger: LINGER, ..short() };
    let old = Running::start(&listener, echo("old"), (manners, None), None);
    let mut client = Client::over(Over::Plain, addr);
    client.ask(GET).await.unwrap();
    old.shutdown.hand_over(LINGER * 3);
    assert!(!is_closed(&mut client, LINGER).await);
    assert!(is_closed(&mut client, LONG).await);
    drop(client);
    old.served.await.unwrap();
    assert!(old.traffic.cut_so_far().is_empty());
}

#[tokio::test]
async fn where_only_the_worker_that_serves_can_answer_an_idle_connection_leads_there_soon() {
    let (listener, addr) = listener();
    let old = Running::behind(&listener, echo("old"), (short(), None), (None, Idle::Goes));
    let mut client = Client::over(Over::Plain, addr);
    client.ask(GET).await.unwrap();
    old.shutdown.hand_over(LONG);
    assert!(is_closed(&mut client, LONG / 3).await);
    drop(client);
    old.served.await.unwrap();
}

#[tokio::test]
async fn nobody_waits_for_an_idle_connection_where_the_host_ends() {
    let (listener, addr) = listener();
    let old = Running::over(Over::Plain, &listener, named("old"));
    let mut client = Client::over(Over::Plain, addr);
    client.ask(GET).await.unwrap();
    old.shutdown.hand_over(LONG);
    assert!(!is_closed(&mut client, short().linger * 2).await);
    old.shutdown.begin(LONG);
    tokio::time::timeout(LONG / 3, old.served).await.expect("it waits for a client").unwrap();
    assert!(is_closed(&mut client, LONG).await);
}

#[tokio::test]
async fn a_new_certificate_is_served_and_open_connections_stay() {
    let (listener, addr) = listener();
    let files = Files::of("one");
    let keeper = files.keeper();
    let tls = Some(keeper.acceptor().unwrap());
    let running = Running::start(&listener, echo("a"), (short(), None), tls);
    let mut client = Client::over(Over::Tls, addr);
    client.ask(GET).await.unwrap();

    files.put("two", "two");
    keeper.look();
    client.ask(GET).await.unwrap();
    assert!(client.open.is_some(), "the connection was closed");
    let name = || "localhost".try_into().unwrap();
    let connect = async |sample: &str| {
        let stream = TcpStream::connect(addr).await.unwrap();
        connector(sample, &[]).connect(name(), stream).await
    };
    assert!(connect("two").await.is_ok());
    assert!(connect("one").await.is_err(), "the old certificate is still served");

    files.put("two", "one");
    keeper.look();
    assert!(connect("two").await.is_ok(), "a broken pair replaced a good one");
    drop(client);
    running.drain().await;
}

#[tokio::test]
async fn what_speaks_no_tls_is_let_go() {
    let (listener, addr) = listener();
    let running = Running::over(Over::Tls, &listener, named("a"));
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(GET).await.unwrap();
    let mut said = Vec::new();
    let read = tokio::time::timeout(LONG, stream.read_to_end(&mut said)).await;
    // An alert, and then the end or a reset.
    drop(read.expect("the connection stays open"));
    assert!(!said.starts_with(b"HTTP/"), "{said:?}");
    running.drain().await;
}

#[tokio::test]
async fn the_handle_is_there_without_a_worker_too() {
    let (shutdown, watch) = Shutdown::new();
    drop(shutdown);
    assert!(!watch.has_begun() && !ShutdownWatch::never().has_begun());
    let begun = futures_util::future::poll_immediate(Box::pin(watch.begun())).await;
    assert!(begun.is_none());
}
