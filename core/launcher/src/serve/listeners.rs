//! The sockets that outlive every version: bound once, or taken from a service manager.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;

use crate::durable::{self, DiskError};
use crate::inherit;

/// Connections that may wait to be accepted; the system's own bound (`somaxconn`) comes first.
const BACKLOG: i32 = 4096;

/// Why a socket could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// An address cannot be bound.
    #[error("listen on {addr}")]
    Bind {
        /// The address.
        addr: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A socket named by `LISTEN_FDS` cannot be taken over.
    #[error("take over descriptor {number} named by LISTEN_FDS")]
    Inherit {
        /// Its number.
        number: i32,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// `run/admin.sock` cannot be made.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// All listeners of a host.
#[derive(Debug)]
pub(super) struct Listeners {
    pub(super) public: Vec<TcpListener>,
    pub(super) admin: Vec<TcpListener>,
    pub(super) local: UnixListener,
}

impl Listeners {
    /// Takes what a service manager passed on; binds what it did not.
    pub(super) fn open(
        public: &[SocketAddr],
        admin: &[SocketAddr],
        local: &Path,
    ) -> Result<Self, ListenError> {
        let mut given = inherited()?;
        if given.public.is_empty() {
            given.public = bind(public)?;
        }
        if given.admin.is_empty() {
            given.admin = bind(admin)?;
        }
        Ok(Self { public: given.public, admin: given.admin, local: bind_local(local)? })
    }

    /// The order of `Hello`: public, admin, `run/admin.sock`.
    pub(super) fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        let tcp = self.public.iter().chain(&self.admin).map(AsFd::as_fd);
        tcp.chain([self.local.as_fd()]).collect()
    }
}

#[derive(Default)]
struct Given {
    public: Vec<TcpListener>,
    admin: Vec<TcpListener>,
}

/// The sockets of `sd_listen_fds(3)`; one called `admin` is the admin listener.
fn inherited() -> Result<Given, ListenError> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let mut given = Given::default();
    if number("LISTEN_PID") != Some(std::process::id()) {
        return Ok(given);
    }
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':');
    for number in (3..).take(number("LISTEN_FDS").unwrap_or(0) as usize) {
        let socket =
            inherit::duplicate(number).map_err(|source| ListenError::Inherit { number, source })?;
        match names.next() {
            Some("admin") => given.admin.push(socket.into()),
            _ => given.public.push(socket.into()),
        }
    }
    Ok(given)
}

fn bind(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, ListenError> {
    let bind = |addr: &SocketAddr| {
        let addr = *addr;
        listen(addr).map_err(|source| ListenError::Bind { addr, source })
    };
    addresses.iter().map(bind).collect()
}

fn listen(addr: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(addr)?;
    // The standard library's 128 is too few for connections that wait while a worker starts.
    rustix::net::listen(&listener, BACKLOG)?;
    Ok(listener)
}

/// The caller holds the host's lock, so a socket that lies there is nobody's.
fn bind_local(path: &Path) -> Result<UnixListener, DiskError> {
    durable::remove_if_there(path)?;
    let listener = UnixListener::bind(path).map_err(DiskError::on("listen on", path))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .map_err(DiskError::on("restrict", path))?;
    Ok(listener)
}
