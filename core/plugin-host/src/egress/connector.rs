//! Makes the connections of one app: resolves, judges every address, and connects to what was
//! judged and to nothing else.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hyper_util::{
    client::{legacy::connect, proxy::matcher::Intercept},
    rt::TokioIo,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::Semaphore,
    time::Instant,
};
use url::Host;

use super::{
    client::Lines,
    destination::Destination,
    proxy,
    reach::{self, Place},
    refusal::Refusal,
    wire::{End, Secrecy, Stream},
};

/// The most addresses of one name that are tried.
const TRIED: usize = 6;

/// Makes the connections of one app.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    pub(crate) lines: Arc<Lines>,
    pub(crate) within: Duration,
    /// The app's lookups under way; one that hangs keeps its place after everybody has lost patience.
    pub(crate) lookups: Arc<Semaphore>,
}

/// A connection that HTTP can be spoken over.
pub(crate) struct Socket {
    stream: Box<dyn Stream>,
    form: Form,
}

/// How a request's target is written (RFC 9112 §3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As a path, for the server itself.
    Origin,
    /// As a whole URL, for a proxy.
    Absolute,
}

impl tower::Service<http::Uri> for Connector {
    type Response = TokioIo<Socket>;
    type Error = Refusal;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Refusal>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: http::Uri) -> Self::Future {
        let this = self.clone();
        Box::pin(async move { this.connect(&uri).await.map(TokioIo::new) })
    }
}

impl Connector {
    async fn connect(&self, uri: &http::Uri) -> Result<Socket, Refusal> {
        let to = Destination::of(uri)?;
        let deadline = Instant::now() + self.within;
        let made = async {
            match self.lines.proxy.towards(&to)? {
                None => self.direct(&to, deadline).await,
                Some(via) => self.by_proxy(&via, &to, deadline).await,
            }
        };
        let late = |_| Refusal::ConnectTimeout(self.within);
        tokio::time::timeout_at(deadline, made).await.map_err(late)?
    }

    async fn direct(&self, to: &Destination, deadline: Instant) -> Result<Socket, Refusal> {
        let addresses = self.addresses(&to.host, deadline).await?;
        for address in &addresses {
            self.judge(*address, to)?;
        }
        let stream = self.first_of(&addresses, to.port, deadline).await?;
        let stream = self.secured(stream, to).await?;
        Ok(Socket { stream, form: Form::Origin })
    }

    /// Through a proxy: a plain request is handed to it whole, for HTTPS it makes a tunnel.
    async fn by_proxy(
        &self,
        via: &Intercept,
        to: &Destination,
        deadline: Instant,
    ) -> Result<Socket, Refusal> {
        self.judge_unresolved(to, deadline).await?;
        let proxy = Destination::of(via.uri())?;
        let addresses = self.addresses(&proxy.host, deadline).await;
        let addresses = addresses.map_err(|error| Refusal::Proxy(error.to_string()))?;
        let made = self.first_of(&addresses, proxy.port, deadline).await;
        let stream = made.map_err(|error| Refusal::Proxy(error.to_string()))?;
        let stream = self.secured(stream, &proxy).await?;
        if !to.is_https() {
            return Ok(Socket { stream, form: Form::Absolute });
        }
        let stream = proxy::tunnel(stream, via, to).await?;
        let stream = self.secured(stream, to).await?;
        Ok(Socket { stream, form: Form::Origin })
    }

    /// Judges what a proxy will resolve, as far as it can be known here: an address, what every
    /// machine calls itself, and names of the host's own doors.
    async fn judge_unresolved(&self, to: &Destination, deadline: Instant) -> Result<(), Refusal> {
        if let Some(address) = to.literal() {
            return self.judge(address, to);
        }
        if to.is_localhost() {
            return self.judge(Ipv4Addr::LOCALHOST.into(), to);
        }
        if !self.lines.listens_at(to.port) {
            return Ok(());
        }
        // Many names are known to the proxy alone; it is not kept waiting for long.
        let soon = deadline.min(Instant::now() + self.within / 4);
        let known = self.addresses(&to.host, soon).await.unwrap_or_default();
        let own = known.into_iter().find(|ip| self.lines.is_own(SocketAddr::new(*ip, to.port)));
        own.map_or(Ok(()), |address| Err(Refusal::OwnDoor { address }))
    }

    /// The addresses of `host`, at least one.
    async fn addresses(&self, host: &Host, deadline: Instant) -> Result<Vec<IpAddr>, Refusal> {
        let name = match host {
            Host::Ipv4(address) => return Ok(vec![(*address).into()]),
            Host::Ipv6(address) => return Ok(vec![(*address).into()]),
            Host::Domain(name) => name.clone(),
        };
        let found = async {
            let own = self.lookups.clone().acquire_owned().await.map_err(io::Error::other)?;
            let all = self.lines.lookups.clone().acquire_owned().await.map_err(io::Error::other)?;
            self.lines.wire().resolve(name, Box::new((own, all))).await
        };
        let found = tokio::time::timeout_at(deadline, found).await;
        let found = found.map_err(|_| Refusal::ResolveTimeout(self.within))?;
        let found = found.map_err(|error| Refusal::Unresolved(error.to_string()))?;
        if found.is_empty() {
            return Err(Refusal::Unresolved("it has no address".to_owned()));
        }
        Ok(found)
    }

    /// Whether `address` may be reached as `to`.
    fn judge(&self, address: IpAddr, to: &Destination) -> Result<(), Refusal> {
        if self.lines.is_own(SocketAddr::new(address, to.port)) {
            return Err(Refusal::OwnDoor { address });
        }
        let named = to.literal() == Some(address) || self.is_listed(address);
        match reach::place(address) {
            Some(place) if named && Place::can_be_named(place) => Ok(()),
            Some(place) => Err(Refusal::Prohibited { address, place }),
            // What listens there may be kept from the internet by nothing but where it is asked from.
            None if !named && self.lines.wire().end(address) == End::Here => {
                Err(Refusal::OwnMachine { address })
            }
            None => Ok(()),
        }
    }

    fn is_listed(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.lines.private.iter().any(|listed| listed.to_canonical() == address)
    }

    /// A connection to the first of `addresses` that answers. Each gets its share of the time, so
    /// that one that is silent does not use up that of the next.
    async fn first_of(
        &self,
        addresses: &[IpAddr],
        port: u16,
        deadline: Instant,
    ) -> Result<Box<dyn Stream>, Refusal> {
        let mut last = Refusal::ConnectTimeout(self.within);
        let tried = addresses.len().min(TRIED);
        for (number, address) in addresses.iter().take(tried).enumerate() {
            let left = deadline.saturating_duration_since(Instant::now());
            let share = left / u32::try_from(tried - number).unwrap_or(u32::MAX);
            let to = SocketAddr::new(*address, port);
            match tokio::time::timeout(share, self.lines.wire().connect(to)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    last = Refusal::ConnectionRefused;
                }
                Ok(Err(error)) => last = Refusal::Unreachable(error.to_string()),
                Err(_) => last = Refusal::ConnectTimeout(self.within),
            }
        }
        Err(last)
    }

    async fn secured(
        &self,
        stream: Box<dyn Stream>,
        to: &Destination,
    ) -> Result<Box<dyn Stream>, Refusal> {
        if to.is_https() && self.lines.wire().secrecy() == Secrecy::Tls {
            self.lines.tls.over(stream, &to.host).await
        } else {
            Ok(stream)
        }
    }
}

impl connect::Connection for Socket {
    fn connected(&self) -> connect::Connected {
        connect::Connected::new().proxy(self.form == Form::Absolute)
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::{ProxyWay, settings::OutboundSettings};

    fn judged(own: &[&str], url: &str, address: &str) -> Result<(), Refusal> {
        let settings = OutboundSettings {
            own: own.iter().map(|own| own.parse().unwrap()).collect(),
            private: vec!["127.0.0.1".parse().unwrap()],
            proxy: ProxyWay::None,
            ..OutboundSettings::default()
        };
        let connector = Connector {
            lines: Lines::new(settings),
            within: Duration::from_secs(1),
            lookups: Arc::new(Semaphore::new(1)),
        };
        let to = Destination::of(&url.parse().unwrap()).unwrap();
        connector.judge(address.parse().unwrap(), &to)
    }

    #[test]
    fn no_grant_and_no_list_opens_the_hosts_own_doors() {
        let here = "127.0.0.1";
        for (own, url) in [
            ("127.0.0.1:8081", "http://127.0.0.1:8081/"),
            ("127.0.0.1:8081", "http://portal.example.com:8081/"),
            ("0.0.0.0:8081", "http://127.0.0.1:8081/"),
            ("[::]:8081", "http://127.0.0.1:8081/"),
        ] {
            let refused = judged(&[own], url, here).unwrap_err();
            assert!(matches!(refused, Refusal::OwnDoor { .. }), "{own} {url}: {refused}");
        }
        let mapped = judged(&["127.0.0.1:8081"], "http://x.example.com:8081/", "::ffff:127.0.0.1");
        assert!(matches!(mapped, Err(Refusal::OwnDoor { .. })));
        assert_eq!(judged(&["127.0.0.1:8081"], "http://127.0.0.1:9000/", here), Ok(()));
        assert_eq!(judged(&["0.0.0.0:8081"], "http://x.example.com:8081/", "9.9.9.9"), Ok(()));
    }
}
