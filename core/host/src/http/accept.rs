//! The accept loop, one for each listener.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::connection::{self, Context};
use super::{Crowd, Manners, Traffic};
use crate::route::Peer;
use crate::shutdown::ShutdownWatch;

/// How long to wait after an accept that failed for want of descriptors or memory: at first, and
/// at most. It doubles from one failure to the next.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Something that accepts.
#[derive(Debug)]
pub enum Listener {
    /// TCP, without Nagle's delay.
    Tcp(TcpListener),
    /// A socket file; who connects is put into each request as [`Peer`].
    Unix(UnixListener),
}

impl Listener {
    /// Takes over a TCP listener, which other processes may share.
    ///
    /// # Errors
    /// It cannot be made non-blocking or registered.
    pub fn tcp(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener).map(Self::Tcp)
    }

    /// Takes over a Unix listener.
    ///
    /// # Errors
    /// As [`Self::tcp`].
    pub fn unix(listener: std::os::unix::net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        UnixListener::from_std(listener).map(Self::Unix)
    }
}

/// A listener and what answers on it.
pub struct Door {
    /// Where.
    pub listener: Listener,
    /// What TLS is accepted with; plain HTTP without it. A socket file has none.
    pub tls: Option<TlsAcceptor>,
    /// What.
    pub router: Router,
    /// Whose connections it shares a bound with; none for a door that only the machine's own
    /// admins reach, which must open whatever the others do.
    pub crowd: Option<Arc<Crowd>>,
    /// What becomes of its idle connections at a handover.
    pub idle: Idle,
}

/// What becomes of an HTTP/1.1 connection on which nothing is under way, once another worker serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idle {
    /// It stays for its client's next request, which this worker answers as well as the next one.
    Stays,
    /// It goes as at the host's end: what is asked here only the worker that serves can do.
    Goes,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door")
            .field("listener", &self.listener)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}

/// Serves until told to finish, then until the last connection is done or the time is over.
pub async fn serve(
    doors: Vec<Door>,
    watch: ShutdownWatch,
    traffic: Arc<Traffic>,
    manners: Manners,
) {
    let mut loops = JoinSet::new();
    for door in doors {
        let context = Context {
            router: door.router,
            watch: watch.clone(),
            traffic: Arc::clone(&traffic),
            manners,
            crowd: door.crowd,
            idle: door.idle,
        };
        loops.spawn(accept(door.listener, door.tls, context));
    }
    watch.begun().await;
    let (connections, requests) = (traffic.connections(), traffic.requests());
    while loops.join_next().await.is_some() {}
    tokio::select! {
        // Those that somebody took over have no loop that waits for them.
        () = traffic.empty() => {}
        () = watch.over() => {}
    }
    tell(connections, requests, &traffic);
}

/// Says what became of what was open when the worker was told to finish.
fn tell(connections: usize, requests: usize, traffic: &Traffic) {
    let mut cut = traffic.cut_so_far();
    if traffic.connections() > 0 {
        cut.insert("a connection that was taken over", traffic.connections());
    }
    if cut.is_empty() {
        if connections > 0 {
            tracing::info!(connections, requests, "drained, nothing was cut");
        }
        return;
    }
    let named: Vec<_> = cut.iter().map(|(what, count)| format!("{count} × {what}")).collect();
    tracing::warn!(connections, requests, "drained, cut at the limit: {}", named.join(", "));
}

/// Accepts until told to finish, then waits for its connections. What the system has queued by
/// then belongs to the shared listener, and the next worker accepts it.
async fn accept(listener: Listener, tls: Option<TlsAcceptor>, context: Context) {
    let mut connections = JoinSet::new();
    let mut pause = None;
    loop {
        tokio::select! {
            biased;
            () = context.watch.begun() => break,
            accepted = next(&listener, context.crowd.as_deref()) => match accepted {
                Ok(accepted) => {
                    pause = None;
                    accepted.spawn_on(&mut connections, tls.as_ref(), &context);
                }
                Err(error) if is_the_clients(&error) => {}
                Err(error) => pause = Some(after(&error, pause, &context).await),
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// The next connection, once there is room for it.
async fn next(listener: &Listener, crowd: Option<&Crowd>) -> io::Result<Accepted> {
    if let Some(crowd) = crowd {
        crowd.room().await;
    }
    one(listener).await
}

/// What follows an accept that failed, `before` being the pause after the failure just before it:
/// said once, then waited for longer each time, while idle clients give descriptors back.
async fn after(error: &io::Error, before: Option<Duration>, context: &Context) -> Duration {
    let pause = match before {
        None => {
            tracing::warn!("cannot accept, trying again: {error}");
            PAUSE.0
        }
        Some(before) => (before * 2).min(PAUSE.1),
    };
    if let Some(crowd) = &context.crowd {
        crowd.shed();
    }
    tokio::select! {
        () = tokio::time::sleep(pause) => {}
        () = context.watch.begun() => {}
    }
    pause
}

/// A connection that was accepted.
enum Accepted {
    Tcp(TcpStream),
    Unix(UnixStream, Peer),
}

impl Accepted {
    fn spawn_on(self, connections: &mut JoinSet<()>, tls: Option<&TlsAcceptor>, context: &Context) {
        let (place, context) = (context.place(), context.clone());
        match (self, tls.cloned()) {
            (Self::Tcp(stream), None) => {
                connections.spawn(connection::serve(stream, None, place, context))
            }
            (Self::Tcp(stream), Some(tls)) => {
                connections.spawn(connection::serve_tls(stream, tls, place, context))
            }
            (Self::Unix(stream, peer), _) => {
                connections.spawn(connection::serve(stream, Some(peer), place, context))
            }
        };
    }
}

/// Accepts one connection. Dropping this future never drops one: it is given back in the same
/// poll in which it was accepted.
async fn one(listener: &Listener) -> io::Result<Accepted> {
    match listener {
        Listener::Tcp(listener) => {
            let (stream, _) = listener.accept().await?;
            // Without it a small answer waits for the client's delayed acknowledgement. One whose client is gone already fails by itself.
            drop(stream.set_nodelay(true));
            Ok(Accepted::Tcp(stream))
        }
        Listener::Unix(listener) => {
            let (stream, _) = listener.accept().await?;
            let peer = Peer { uid: stream.peer_cred()?.uid() };
            Ok(Accepted::Unix(stream, peer))
        }
    }
}

/// The client went away before it was accepted.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}
