//! The network below HTTP: names to addresses, addresses to streams. Judges nothing.

use std::{
    fmt::Debug,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs as _, UdpSocket},
    pin::Pin,
    sync::LazyLock,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// What a lookup keeps until it has ended.
pub(crate) type Held = Box<dyn Send>;

/// A future of the network's.
pub(crate) type Soon<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send + 'a>>;

/// Bytes in both directions.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Whose an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// This machine's, whatever it looks like.
    Here,
    /// Another's.
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
    /// The addresses of `name`; `held` is dropped when the lookup has ended, even where nobody waits
    /// for it any more.
    fn resolve(&self, name: String, held: Held) -> Soon<'_, Vec<IpAddr>>;

    /// A connection to exactly this address.
    fn connect(&self, to: SocketAddr) -> Soon<'_, Box<dyn Stream>>;

    /// Whose `address` is.
    fn end(&self, address: IpAddr) -> End;

    /// Whether TLS is spoken on this network.
    fn secrecy(&self) -> Secrecy;
}

/// This machine's network.
#[derive(Debug)]
pub(crate) struct System;

impl Wire for System {
    fn resolve(&self, name: String, held: Held) -> Soon<'_, Vec<IpAddr>> {
        Box::pin(async move {
            let lookup = tokio::task::spawn_blocking(move || {
                let found = (name.as_str(), 0).to_socket_addrs();
                drop(held);
                found.map(|found| found.map(|address| address.ip()).collect())
            });
            lookup.await.map_err(io::Error::other)?
        })
    }

    fn connect(&self, to: SocketAddr) -> Soon<'_, Box<dyn Stream>> {
        Box::pin(async move {
            let stream = TcpStream::connect(to).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }

    fn end(&self, address: IpAddr) -> End {
        if is_bindable(address) && !*ANY_IS_BINDABLE { End::Here } else { End::Elsewhere }
    }

    fn secrecy(&self) -> Secrecy {
        Secrecy::Tls
    }
}

/// Whether this machine lets every address be bound (`net.ipv4.ip_nonlocal_bind`), so that it
/// says nothing: asked with one that is nobody's (RFC 5737).
static ANY_IS_BINDABLE: LazyLock<bool> =
    LazyLock::new(|| is_bindable(Ipv4Addr::new(192, 0, 2, 1).into()));

/// Whether a socket can have `address`, as only those of the machine can.
fn is_bindable(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_this_machine_is_told_from_others() {
        assert_eq!(System.end("127.0.0.1".parse().unwrap()), End::Here);
        for other in ["9.9.9.9", "2606:4700::1111"] {
            assert_eq!(System.end(other.parse().unwrap()), End::Elsewhere, "{other}");
        }
    }
}
