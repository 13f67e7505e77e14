//! A server on loopback that stands for one out in the internet, and misbehaves as its path says.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use newleaf_plugin_host::{Door, Network, OutboundSettings, ProxyWay, Roots, Scripted};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

/// An address out in the internet. Nobody in these tests connects to it.
pub(crate) const OUT_THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(11, 22, 33, 44));
/// Another one.
pub(crate) const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(11, 22, 33, 55));

/// What a server was asked, head by head.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heads(Arc<Mutex<Vec<String>>>);

impl Heads {
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn push(&self, head: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(head);
    }
}

/// How a server is spoken to.
#[derive(Clone)]
enum Speech {
    Plain,
    Tls(TlsAcceptor),
    /// A proxy's: plain up to the request for a tunnel, behind which is a server over TLS.
    Tunnel(TlsAcceptor),
}

/// A server, plain or over TLS as `right.example.com`, or a proxy before the latter.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) heads: Heads,
    /// Connections that were taken, each with a request or without.
    pub(crate) taken: Arc<Mutex<usize>>,
}

impl Server {
    pub(crate) async fn plain() -> Self {
        Self::start(Speech::Plain).await
    }

    pub(crate) async fn tls() -> Self {
        Self::start(Speech::Tls(acceptor())).await
    }

    pub(crate) async fn tunnel() -> Self {
        Self::start(Speech::Tunnel(acceptor())).await
    }

    async fn start(speech: Speech) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (heads, taken) = (Heads::default(), Arc::new(Mutex::new(0)));
        let server = Self { address, heads: heads.clone(), taken: taken.clone() };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *taken.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                let (heads, speech) = (heads.clone(), speech.clone());
                tokio::spawn(async move {
                    match speech {
                        Speech::Plain => serve(stream, &heads).await,
                        Speech::Tls(tls) => serve_over(tls, stream, &heads).await,
                        Speech::Tunnel(tls) => open_tunnel(tls, stream, &heads).await,
                    }
                });
            }
        });
        server
    }

    pub(crate) fn connections(&self) -> usize {
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn door(&self) -> Door {
        Door::Listener(self.address)
    }
}

/// A network of `scripted`, with no proxy, that believes the authority of these tests.
pub(crate) fn network(scripted: &Arc<Scripted>) -> OutboundSettings {
    let authority = CertificateDer::from_pem_file(certificate("authority.pem")).unwrap();
    OutboundSettings {
        proxy: ProxyWay::None,
        network: Network::Scripted(scripted.clone()),
        roots: Roots::These(vec![authority]),
        ..OutboundSettings::default()
    }
}

fn acceptor() -> TlsAcceptor {
    let chain = vec![CertificateDer::from_pem_file(certificate("server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(certificate("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn serve_over(tls: TlsAcceptor, stream: TcpStream, heads: &Heads) {
    if let Ok(stream) = tls.accept(stream).await {
        serve(stream, heads).await;
    }
}

async fn open_tunnel(tls: TlsAcceptor, mut stream: TcpStream, heads: &Heads) {
    let Some(head) = read_head(&mut stream).await else { return };
    heads.push(head);
    if stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.is_ok() {
        serve_over(tls, stream, heads).await;
    }
}

fn certificate(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates").join(name)
}

/// Answers requests until the client or the path ends it.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, heads: &Heads) {
    while let Some(head) = read_head(&mut stream).await {
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        heads.push(head);
        let mut body = vec![0; length.unwrap_or(0)];
        if stream.read_exact(&mut body).await.is_err()
            || answer(&mut stream, &path, &body).await.is_err()
        {
            return;
        }
    }
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

/// An error ends the connection.
async fn answer(
    stream: &mut (impl AsyncWrite + Unpin),
    path: &str,
    body: &[u8],
) -> std::io::Result<()> {
    let head = |length: usize| format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
    match path.rsplit('/').next().unwrap_or_default() {
        "silent" => std::future::pending().await,
        "endless" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
            loop {
                stream.write_all(format!("1000\r\n{}\r\n", "x".repeat(0x1000)).as_bytes()).await?;
            }
        }
        "drip" => {
            stream.write_all(head(100_000).as_bytes()).await?;
            let mut drops = tokio::time::interval(Duration::from_millis(20));
            loop {
                drops.tick().await;
                stream.write_all(b"x").await?;
                stream.flush().await?;
            }
        }
        "stall" => {
            stream.write_all(format!("{}x", head(2)).as_bytes()).await?;
            std::future::pending().await
        }
        "cut" => {
            stream.write_all(format!("{}x", head(100)).as_bytes()).await?;
            Err(std::io::ErrorKind::ConnectionAborted.into())
        }
        "announced" => stream.write_all(head(1_000_000_000).as_bytes()).await,
        "huge-head" => {
            let field = format!("x-large: {}\r\n", "x".repeat(300_000));
            stream.write_all(format!("HTTP/1.1 200 OK\r\n{field}\r\n").as_bytes()).await
        }
        "many-fields" => {
            let fields = "x: y\r\n".repeat(5000);
            stream.write_all(format!("HTTP/1.1 200 OK\r\n{fields}\r\n").as_bytes()).await
        }
        "garbage" => stream.write_all(b"SSH-2.0-OpenSSH_10.0\r\n\r\n").await,
        "switch" => {
            let head =
                "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n";
            stream.write_all(head.as_bytes()).await
        }
        "redirect" => {
            let head = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/admin\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(head.as_bytes()).await
        }
        "back" => {
            stream.write_all(head(body.len()).as_bytes()).await?;
            stream.write_all(body).await
        }
        _ => stream.write_all(format!("{}hello", head(5)).as_bytes()).await,
    }?;
    stream.flush().await
}
