//! The network below HTTP: names to addresses, addresses to streams. Judges nothing.

use std::{
    fmt::Debug,
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs as _},
    pin::Pin,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
};

/// A future of the network's.
pub(crate) type Soon<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send + 'a>>;

/// Bytes in both directions.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection that was made.
pub(crate) struct Connected {
    pub(crate) stream: Box<dyn Stream>,
    pub(crate) end: End,
}

/// Where a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// On this machine, whatever the address looks like.
    Here,
    /// Elsewhere.
    Elsewhere,
}

/// Whether a connection to an `https` address is to be encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// By TLS.
    Tls,
    /// It never leaves the process.
    NotNeeded,
}

/// The network.
pub(crate) trait Wire: Debug + Send + Sync {
    /// The addresses of `name`; `place` is given back when the lookup has ended, even where nobody
    /// waits for it any more.
    fn resolve(&self, name: String, place: OwnedSemaphorePermit) -> Soon<'_, Vec<IpAddr>>;

    /// A connection to exactly this address.
    fn connect(&self, to: SocketAddr) -> Soon<'_, Connected>;

    /// Whether TLS is spoken on this network.
    fn secrecy(&self) -> Secrecy;
}

/// This machine's network.
#[derive(Debug)]
pub(crate) struct System;

impl Wire for System {
    fn resolve(&self, name: String, place: OwnedSemaphorePermit) -> Soon<'_, Vec<IpAddr>> {
        Box::pin(async move {
            let lookup = tokio::task::spawn_blocking(move || {
                let found = (name.as_str(), 0).to_socket_addrs();
                drop(place);
                found.map(|found| found.map(|address| address.ip()).collect())
            });
            lookup.await.map_err(io::Error::other)?
        })
    }

    fn connect(&self, to: SocketAddr) -> Soon<'_, Connected> {
        Box::pin(async move {
            let stream = TcpStream::connect(to).await?;
            stream.set_nodelay(true)?;
            // Only a connection to oneself has the same address at both ends.
            let is_own = stream.local_addr()?.ip().to_canonical() == to.ip().to_canonical();
            let end = if is_own { End::Here } else { End::Elsewhere };
            Ok(Connected { stream: Box::new(stream), end })
        })
    }

    fn secrecy(&self) -> Secrecy {
        Secrecy::Tls
    }
}
