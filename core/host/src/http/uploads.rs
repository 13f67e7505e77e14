//! Clients in the middle of an upload: while a worker drains, and while they are refused. Whatever
//! the answer is, it is theirs to read.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::routing::post;
use futures_util::StreamExt as _;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};

use super::tests::{Over, Running, Stream, listener, short};
use super::{Ebb, Manners};

const LONG: Duration = Duration::from_secs(30);

/// A piece of an upload, of which twenty make the whole.
const PIECE: usize = 10_000;
const PIECES: usize = 20;

/// Reads uploads and tells how much of them came, or refuses them unread.
fn router(came: &Arc<watch::Sender<usize>>) -> Router {
    let came = Arc::clone(came);
    let read = async move |request: Request| {
        let (mut body, mut length) = (request.into_body().into_data_stream(), 0);
        while let Some(data) = body.next().await {
            length += data.unwrap().len();
            came.send_replace(length);
        }
        length.to_string()
    };
    Router::new()
        .route("/read", post(read))
        .route("/too-large", post(async || (StatusCode::PAYLOAD_TOO_LARGE, "too large")))
        .route("/busy", post(async || (StatusCode::SERVICE_UNAVAILABLE, "come back")))
}

/// When the worker is told to finish.
#[derive(Debug, Clone, Copy)]
enum Drained {
    BeforeTheAnswer,
    AfterTheAnswer,
}

async fn begin(stream: &mut Stream, path: &str) {
    let length = PIECE * PIECES;
    let head = format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
}

async fn send(stream: &mut Stream, pieces: usize) {
    for _ in 0..pieces {
        stream.write_all(&[b'x'; PIECE]).await.unwrap();
        stream.flush().await.unwrap();
    }
}

#[tokio::test]
async fn an_upload_that_comes_slowly_across_a_drain_is_answered() {
    for over in Over::BOTH {
        let (came, mut seen) = watch::channel(0);
        let (listener, addr) = listener();
        let running = Running::over(over, &listener, router(&Arc::new(came)));
        let mut stream = over.connect(addr).await.unwrap();
        begin(&mut stream, "/read").await;
        for piece in 1..=PIECES {
            send(&mut stream, 1).await;
            seen.wait_for(|came| *came == piece * PIECE).await.unwrap();
            if piece == PIECES / 2 {
                running.shutdown.begin(LONG);
            }
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("200000"), "{answer}");
        running.drain().await;
    }
}

/// Sends the rest of an upload after its refusal, and only then reads that to its end.
async fn refused(over: Over, path: &str, drained: Drained) -> String {
    let (listener, addr) = listener();
    let running = Running::over(over, &listener, router(&Arc::default()));
    let mut stream = over.connect(addr).await.unwrap();
    while running.traffic.connections() == 0 {
        tokio::task::yield_now().await;
    }
    if matches!(drained, Drained::BeforeTheAnswer) {
        running.shutdown.begin(LONG);
    }
    begin(&mut stream, path).await;
    send(&mut stream, 1).await;
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    running.shutdown.begin(LONG);
    send(&mut stream, PIECES - 1).await;
    stream.read_to_end(&mut answer).await.unwrap();
    drop(stream);
    running.drain().await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn who_is_refused_in_the_middle_of_an_upload_reads_why() {
    for over in Over::BOTH {
        for (path, status, why) in
            [("/too-large", "413", "too large"), ("/busy", "503", "come back")]
        {
            for drained in [Drained::BeforeTheAnswer, Drained::AfterTheAnswer] {
                let answer = refused(over, path, drained).await;
                assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
                assert!(answer.ends_with(why), "{drained:?}: {answer}");
            }
        }
    }
}

/// An upload over HTTP/2, whose pieces come from the sender.
fn upload(addr: SocketAddr, path: &str) -> (mpsc::Sender<Bytes>, http::Request<Body>) {
    let (pieces, body) = mpsc::channel(1);
    let body = tokio_stream::wrappers::ReceiverStream::new(body);
    let body = Body::from_stream(body.map(Ok::<_, std::convert::Infallible>));
    let request = http::Request::post(format!("http://{addr}{path}")).body(body);
    (pieces, request.unwrap())
}

async fn http2(over: Over, addr: SocketAddr) -> SendRequest<Body> {
    let stream = over.on(TcpStream::connect(addr).await.unwrap(), &[b"h2"]).await.unwrap();
    let io = TokioIo::new(stream);
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    // Its error is that of its request.
    tokio::spawn(connection);
    sender
}

#[tokio::test]
async fn uploads_over_http2_are_answered_across_a_drain_and_where_they_are_refused() {
    for over in Over::BOTH {
        for (path, status, text) in [
            ("/read", 200, "200000"),
            ("/too-large", 413, "too large"),
            ("/busy", 503, "come back"),
        ] {
            let (came, mut seen) = watch::channel(0);
            let (listener, addr) = listener();
            let running = Running::over(over, &listener, router(&Arc::new(came)));
            let mut sender = http2(over, addr).await;
            let (pieces, request) = upload(addr, path);
            let answered = tokio::spawn(sender.send_request(request));
            for piece in 1..=PIECES {
                // Whoever is refused need not send the rest (RFC 9113 §8.1).
                let sent = pieces.send(Bytes::from_static(&[b'x'; PIECE])).await.is_ok();
                assert!(sent || status != 200, "{path}: the upload broke at piece {piece}");
                if sent && status == 200 {
                    seen.wait_for(|came| *came == piece * PIECE).await.unwrap();
                }
                if piece == PIECES / 2 {
                    running.shutdown.begin(LONG);
                }
            }
            drop(pieces);
            let answer = answered.await.unwrap().unwrap();
            assert_eq!(answer.status(), status, "{path}");
            let body = axum::body::to_bytes(Body::new(answer.into_body()), 100).await.unwrap();
            assert_eq!(body, text);
            drop(sender);
            running.drain().await;
        }
    }
}

#[tokio::test]
async fn who_never_stops_sending_is_let_go_after_so_many_bytes_or_so_long() {
    let wait = Duration::from_millis(100);
    for ebb in [
        Ebb { most: 1 << 20, ..Ebb::default() },
        Ebb { within: wait, ..Ebb::default() },
        // It says nothing more, and does not hang up either.
        Ebb { silent: wait, ..Ebb::default() },
    ] {
        let (listener, addr) = listener();
        let manners = Manners { ebb, ..short() };
        let routes = router(&Arc::default());
        let running = Running::start(&listener, |_| routes, (manners, None), None);
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let head = b"POST /busy HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999\r\n\r\n";
        stream.write_all(head).await.unwrap();
        let mut answer = vec![0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, b"HTTP/1.1 503");
        if ebb.silent != wait {
            while stream.write_all(&[0; PIECE]).await.is_ok() {}
        }
        running.drain().await;
        drop(stream);
    }
}

/// A request that was answered leaves nothing to wait for but the client's end.
#[tokio::test]
async fn a_client_that_was_answered_and_does_not_hang_up_delays_a_drain_by_little() {
    let (listener, addr) = listener();
    let ebb = Ebb { silent: LONG, hang_up: Duration::from_millis(50), ..Ebb::default() };
    let manners = Manners { ebb, ..short() };
    let routes = router(&Arc::default());
    let running = Running::start(&listener, |_| routes, (manners, None), None);
    let mut stream: Stream = Box::new(TcpStream::connect(addr).await.unwrap());
    let request =
        b"POST /read HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";
    stream.write_all(request).await.unwrap();
    stream.read_exact(&mut [0; 12]).await.unwrap();
    tokio::time::timeout(LONG / 2, running.drain()).await.unwrap();
    drop(stream);
}
