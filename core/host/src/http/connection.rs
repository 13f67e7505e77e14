//! One connection, from its first byte to its end as a lame duck.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Version};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tower::ServiceExt as _;

use super::activity::Activity;
use super::watched::{WatchedBody, WatchedStream};
use super::{Manners, Traffic};
use crate::route::Peer;
use crate::shutdown::ShutdownWatch;

/// How long a client may take to send a request's head, the wait for it included.
const HEAD_WITHIN: Duration = Duration::from_secs(75);

/// What every connection of a listener shares.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub(super) router: Router,
    pub(super) watch: ShutdownWatch,
    pub(super) traffic: Arc<Traffic>,
    pub(super) manners: Manners,
}

/// Serves a connection until it ends by itself, or is let go of.
pub(super) async fn serve<S>(stream: S, peer: Option<Peer>, context: Context)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Context { router, watch, traffic, manners } = context;
    let activity = Activity::begin(traffic);
    let io = TokioIo::new(WatchedStream { stream, activity: Arc::clone(&activity) });
    let service = {
        let (activity, watch) = (Arc::clone(&activity), watch.clone());
        service_fn(move |request| {
            answer(request, peer, router.clone(), Arc::clone(&activity), watch.clone())
        })
    };
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
    builder.http2().timer(TokioTimer::new());
    let mut connection = std::pin::pin!(builder.serve_connection_with_upgrades(io, service));
    tokio::select! {
        // A client that breaks off is its own affair.
        _ = connection.as_mut() => return,
        () = watch.begun() => {}
    }
    let ending = async {
        tokio::select! {
            _ = connection.as_mut() => return,
            () = silence(&activity, manners.linger) => {}
        }
        connection.as_mut().graceful_shutdown();
        // As above.
        drop(connection.await);
    };
    tokio::select! {
        () = ending => {}
        () = watch.over() => {}
    }
}

/// Waits until the connection may be closed: HTTP/2 at once, since GOAWAY says which requests
/// were taken; HTTP/1.1 once nothing has come for as long as `linger`.
async fn silence(activity: &Activity, linger: Duration) {
    loop {
        if activity.is_h2() {
            return;
        }
        match activity.silent_for() {
            Some(silent) if silent >= linger => return,
            Some(silent) => tokio::time::sleep(linger.saturating_sub(silent)).await,
            None => tokio::time::sleep(linger).await,
        }
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
    peer: Option<Peer>,
    router: Router,
    activity: Arc<Activity>,
    watch: ShutdownWatch,
) -> Result<Response<WatchedBody>, Infallible> {
    let in_flight = activity.request();
    let version = request.version();
    if version == Version::HTTP_2 {
        activity.saw_h2();
    }
    let mut request: Request = request.map(Body::new);
    if let Some(peer) = peer {
        request.extensions_mut().insert(peer);
    }
    let mut response = call(router, request).await;
    if version < Version::HTTP_2 && watch.has_begun() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response.map(|body| WatchedBody { body, _in_flight: in_flight }))
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
