//! One connection, from its first byte to its end as a lame duck.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, StatusCode, Version};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use super::activity::Activity;
use super::crowd::{Crowd, Member};
use super::manners::Pace;
use super::paced::{PacedBody, TooSlow, Verdict};
use super::watched::{WatchedBody, WatchedStream};
use super::{Ebb, Idle, Manners, Traffic, farewell};
use crate::route::Peer;
use crate::shutdown::ShutdownWatch;

/// Streams of one HTTP/2 connection at a time.
const STREAMS: u32 = 128;

/// The longest list of headers (RFC 9113 §6.5.2), and the most that is kept of an HTTP/1.1 head.
const HEADERS: u32 = 32 * 1024;

/// How often a finishing worker looks whether a connection has become one of HTTP/2, or may be
/// closed: at most, and at least.
const LOOK: Duration = Duration::from_secs(1);
const LEAST_LOOK: Duration = Duration::from_millis(1);

/// What every connection of a listener shares.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub(super) router: Router,
    pub(super) watch: ShutdownWatch,
    pub(super) traffic: Arc<Traffic>,
    pub(super) manners: Manners,
    pub(super) crowd: Option<Arc<Crowd>>,
    pub(super) idle: Idle,
}

/// A connection's place among the others, taken when it is accepted.
#[derive(Debug)]
pub(super) struct Place {
    activity: Arc<Activity>,
    ebb: Ebb,
    member: Option<Member>,
}

impl Place {
    /// `stream` in this place.
    fn watched<S>(self, stream: S) -> WatchedStream<S> {
        let Self { activity, ebb, member } = self;
        WatchedStream { stream, activity, ebb, ebbing: None, _member: member }
    }
}

impl Context {
    /// A place for one more connection.
    pub(super) fn place(&self) -> Place {
        let activity = Activity::begin(Arc::clone(&self.traffic));
        let member = self.crowd.as_ref().map(|crowd| crowd.join(&activity));
        Place { activity, ebb: self.manners.ebb, member }
    }
}

/// Serves a connection until it ends by itself, or is let go of.
pub(super) async fn serve<S>(stream: S, peer: Option<Peer>, place: Place, context: Context)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = Arc::clone(&place.activity);
    converse(place.watched(stream), peer, activity, context).await;
}

/// The same over TLS. The handshake is as much a client's as a request: a worker that finishes
/// finishes it, and a client that dawdles is cut.
pub(super) async fn serve_tls(stream: TcpStream, tls: TlsAcceptor, place: Place, context: Context) {
    let activity = Arc::clone(&place.activity);
    let shaken = tokio::select! {
        shaken = tls.accept(place.watched(stream)) => shaken,
        () = activity.asked_to_leave() => return,
        () = overdue(&activity, &context.manners) => return,
        () = context.watch.over() => return activity.cut(),
    };
    let stream = match shaken {
        Ok(stream) => stream,
        // A client that breaks off, or speaks something else, is its own affair.
        Err(error) => return tracing::debug!("a handshake failed: {error}"),
    };
    activity.shook_hands();
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        activity.saw_h2();
    }
    converse(stream, None, activity, context).await;
}

async fn converse<S>(stream: S, peer: Option<Peer>, activity: Arc<Activity>, context: Context)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Context { router, watch, manners, idle, .. } = context;
    let io = TokioIo::new(stream);
    let service = {
        let (activity, watch) = (Arc::clone(&activity), watch.clone());
        service_fn(move |request| {
            let asked = Asked { peer, router: router.clone(), pace: manners.pace };
            answer(request, asked, Arc::clone(&activity), watch.clone())
        })
    };
    let mut builder = Builder::new(TokioExecutor::new());
    // The client's waits are watched below, for all versions alike.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None);
    builder.http2().timer(TokioTimer::new());
    builder.http2().max_concurrent_streams(STREAMS).max_header_list_size(HEADERS);
    let mut connection = std::pin::pin!(builder.serve_connection_with_upgrades(io, service));
    // What the client has sent is always looked at first: a request that has come is answered.
    tokio::select! {
        biased;
        // A client that breaks off is its own affair.
        _ = connection.as_mut() => return,
        () = watch.begun() => {}
        () = activity.asked_to_leave() => return,
        () = overdue(&activity, &manners) => return,
    }
    let ending = async {
        tokio::select! {
            biased;
            _ = connection.as_mut() => return,
            () = silence(&activity, &watch, manners.linger, idle) => {}
        }
        connection.as_mut().graceful_shutdown();
        // As above.
        drop(connection.await);
    };
    let ending = async {
        tokio::select! {
            biased;
            () = ending => {}
            () = overdue(&activity, &manners) => {}
        }
    };
    tokio::select! {
        biased;
        () = ending => {}
        () = watch.over() => activity.cut(),
    }
}

/// Waits until the connection may be closed: HTTP/2 at once, since GOAWAY says which requests
/// were taken; HTTP/1.1 once nothing has come for as long as `linger`. Where another worker serves
/// already and it may stay, only that long before it would be cut: however long a client has been
/// silent, its next request may be on its way.
async fn silence(activity: &Activity, watch: &ShutdownWatch, linger: Duration, idle: Idle) {
    let stays = || match idle {
        Idle::Stays => watch.idle_stays(linger),
        Idle::Goes => Duration::ZERO,
    };
    let mut looked = false;
    loop {
        if activity.is_h2() {
            return;
        }
        let quiet = activity.silent_for().map(|silent| linger.saturating_sub(silent));
        let wait = match quiet.map(|quiet| quiet.max(stays())) {
            Some(Duration::ZERO) if looked => return,
            Some(Duration::ZERO) => {
                // On a busy machine something may have come that this task was not told of yet.
                looked = true;
                tokio::task::yield_now().await;
                continue;
            }
            Some(wait) => wait,
            None => linger,
        };
        tokio::select! {
            () = tokio::time::sleep(wait.clamp(LEAST_LOOK, LOOK)) => {}
            () = watch.changed() => {}
        }
    }
}

/// Waits until the client has taken too long for what it owes: a head, a body's reading, or any
/// sign of life between two requests.
async fn overdue(activity: &Activity, manners: &Manners) {
    loop {
        let patience = activity.patience(manners);
        if patience.is_zero() {
            return;
        }
        // Not in steps of less than the clock's own.
        tokio::time::sleep(patience.max(Duration::from_millis(1))).await;
    }
}

/// What a request is answered with.
struct Asked {
    peer: Option<Peer>,
    router: Router,
    pace: Pace,
}

async fn answer(
    request: hyper::Request<Incoming>,
    Asked { peer, router, pace }: Asked,
    activity: Arc<Activity>,
    watch: ShutdownWatch,
) -> Result<Response<WatchedBody>, Infallible> {
    let in_flight = activity.request();
    let version = request.version();
    if version == Version::HTTP_2 {
        activity.saw_h2();
    }
    let verdict = Arc::new(Verdict::default());
    let mut request: Request = request.map(|body| paced(body, pace, &verdict, &activity));
    request.extensions_mut().insert(watch.clone());
    if let Some(peer) = peer {
        request.extensions_mut().insert(peer);
    }
    let mut response = tokio::select! {
        response = call(router, request) => match verdict.slow() {
            // The handler saw a broken body; its client is told why.
            Some(slow) => too_slow(slow, version),
            None => response,
        },
        slow = verdict.found() => too_slow(slow, version),
    };
    if version < Version::HTTP_2 && watch.has_begun() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        activity.taken_over();
    }
    Ok(farewell::told(response, watch).map(|body| WatchedBody { body, in_flight }))
}

fn paced(body: Incoming, pace: Pace, verdict: &Arc<Verdict>, activity: &Arc<Activity>) -> Body {
    if body.is_end_stream() {
        Body::empty()
    } else {
        Body::new(PacedBody::new(body, pace, Arc::clone(verdict), Arc::clone(activity)))
    }
}

/// The rest of the body is not waited for (RFC 9110 §15.5.9).
fn too_slow(slow: TooSlow, version: Version) -> Response {
    tracing::info!("{slow}");
    let mut response = (StatusCode::REQUEST_TIMEOUT, format!("{slow}\n")).into_response();
    if version < Version::HTTP_2 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Boxed, so that the connection's own future stays small whatever the router is.
fn call(router: Router, request: Request) -> Pin<Box<dyn Future<Output = Response> + Send>> {
    Box::pin(async move {
        match router.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    })
}
