//! The accept loop, one for each listener.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::JoinSet;

use super::Traffic;
use super::connection::{self, Context};
use crate::route::Peer;
use crate::shutdown::ShutdownWatch;

/// How long to wait after an accept that failed for want of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(50);

/// How connections are let go of.
#[derive(Debug, Clone, Copy)]
pub struct Manners {
    /// How long an HTTP/1.1 connection must be silent before a finishing worker closes it: longer
    /// than a client's round trip, so that no request is on its way.
    pub linger: Duration,
}

impl Default for Manners {
    fn default() -> Self {
        Self { linger: Duration::from_secs(2) }
    }
}

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
#[derive(Debug)]
pub struct Door {
    /// Where.
    pub listener: Listener,
    /// What.
    pub router: Router,
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
        };
        loops.spawn(accept(door.listener, context));
    }
    while loops.join_next().await.is_some() {}
}

/// Accepts until told to finish, then waits for its connections. What the system has queued by
/// then belongs to the shared listener, and the next worker accepts it.
async fn accept(listener: Listener, context: Context) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = context.watch.begun() => break,
            accepted = one(&listener) => match accepted {
                Ok(accepted) => accepted.spawn_on(&mut connections, &context),
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    tracing::warn!("accept: {error}");
                    tokio::time::sleep(PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// A connection that was accepted.
enum Accepted {
    Tcp(TcpStream),
    Unix(UnixStream, Peer),
}

impl Accepted {
    fn spawn_on(self, connections: &mut JoinSet<()>, context: &Context) {
        let context = context.clone();
        match self {
            Self::Tcp(stream) => connections.spawn(connection::serve(stream, None, context)),
            Self::Unix(stream, peer) => {
                connections.spawn(connection::serve(stream, Some(peer), context))
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
            // Without it a small answer waits for the client's delayed acknowledgement.
            stream.set_nodelay(true)?;
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
