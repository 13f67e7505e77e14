//! The sockets that outlive every version: bound once, or taken from a service manager.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::net::{AddressFamily, SocketType, sockopt};

use crate::durable::{self, DiskError};
use crate::inherit;
use crate::wire::MAX_LISTENERS;

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
    /// A socket named by `LISTEN_FDS` is of another kind than a host can serve on.
    #[error("serve on descriptor {number} named by LISTEN_FDS, {name}: it is {what}")]
    Unsuited {
        /// Its number.
        number: i32,
        /// Its name, as `LISTEN_FDNAMES` tells it.
        name: String,
        /// What it is.
        what: &'static str,
    },
    /// More addresses than a worker can be given.
    #[error("listen on {count} addresses: {MAX_LISTENERS} are the most, public and admin together")]
    TooMany {
        /// How many there are.
        count: usize,
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
        let mut given = inherited(local)?;
        let count = |given: &[TcpListener], wanted: &[SocketAddr]| match given.len() {
            0 => wanted.len(),
            passed_on => passed_on,
        };
        let count = count(&given.public, public) + count(&given.admin, admin);
        if count > MAX_LISTENERS {
            return Err(ListenError::TooMany { count });
        }
        if given.public.is_empty() {
            given.public = bind(public)?;
        }
        if given.admin.is_empty() {
            given.admin = bind(admin)?;
        }
        let local = match given.local.map_or_else(|| bind_local(local), Ok) {
            Err(error) if error.source.kind() == ErrorKind::ReadOnlyFilesystem => unreachable()?,
            local => local?,
        };
        Ok(Self { public: given.public, admin: given.admin, local })
    }

    /// The order of `Hello`: public, admin, `run/admin.sock`.
    pub(super) fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        let tcp = self.public.iter().chain(&self.admin).map(AsFd::as_fd);
        tcp.chain([self.local.as_fd()]).collect()
    }
}

#[derive(Debug, Default)]
struct Given {
    public: Vec<TcpListener>,
    admin: Vec<TcpListener>,
    local: Option<UnixListener>,
}

/// The sockets of `sd_listen_fds(3)`: one called `admin` is an admin listener, or `run/admin.sock`
/// itself; any other is a public one, as a socket unit that names nothing has the unit's name.
fn inherited(local: &Path) -> Result<Given, ListenError> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let mut given = Given::default();
    if number("LISTEN_PID") != Some(std::process::id()) {
        return Ok(given);
    }
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':');
    for number in (3..).take(number("LISTEN_FDS").unwrap_or(0) as usize) {
        let name = names.next().unwrap_or_default();
        let socket =
            inherit::duplicate(number).map_err(|source| ListenError::Inherit { number, source })?;
        let kind = Kind::of(&socket, local);
        let kind = kind.map_err(|source| ListenError::Inherit { number, source })?;
        given.place(socket, kind, name).map_err(|what| {
            let name = if name.is_empty() { "without a name" } else { name };
            ListenError::Unsuited { number, name: name.to_owned(), what }
        })?;
    }
    Ok(given)
}

/// What a socket that was passed on can be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It listens on an address of IP.
    Tcp,
    /// It listens on the path of `run/admin.sock`.
    Local,
    /// For nothing here, because it is that.
    Unsuited(&'static str),
}

impl Kind {
    fn of(socket: &OwnedFd, local: &Path) -> std::io::Result<Self> {
        if sockopt::socket_type(socket)? != SocketType::STREAM
            || !sockopt::socket_acceptconn(socket)?
        {
            return Ok(Self::Unsuited("no stream socket that listens"));
        }
        Ok(match sockopt::socket_domain(socket)? {
            AddressFamily::INET | AddressFamily::INET6 => Self::Tcp,
            AddressFamily::UNIX if is_at(socket, local)? => Self::Local,
            AddressFamily::UNIX => {
                Self::Unsuited("a Unix socket on another path than run/admin.sock")
            }
            _ => Self::Unsuited("a socket of another family than IP"),
        })
    }
}

/// Whether a Unix socket has the path of `local`, however that is written.
fn is_at(socket: &OwnedFd, local: &Path) -> std::io::Result<bool> {
    let address = UnixListener::from(socket.try_clone()?).local_addr()?;
    let Some(path) = address.as_pathname() else { return Ok(false) };
    Ok(std::fs::canonicalize(path)? == std::fs::canonicalize(local)?)
}

impl Given {
    /// Puts a socket where it belongs, or says what it is instead.
    fn place(&mut self, socket: OwnedFd, kind: Kind, name: &str) -> Result<(), &'static str> {
        match (kind, name) {
            (Kind::Tcp, "admin") => self.admin.push(socket.into()),
            (Kind::Tcp, _) => self.public.push(socket.into()),
            (Kind::Local, "admin") => self.local = Some(socket.into()),
            (Kind::Local, _) => return Err("run/admin.sock, which must be called admin"),
            (Kind::Unsuited(what), _) => return Err(what),
        }
        Ok(())
    }
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

/// On a read-only filesystem the command line has no way in; the listeners serve all the same. This
/// socket lies nowhere.
fn unreachable() -> Result<UnixListener, DiskError> {
    let folder = std::env::temp_dir().join(format!("newleaf-{}", std::process::id()));
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&folder)
        .map_err(DiskError::on("create", &folder))?;
    let bound = bind_local(&folder.join("admin.sock"));
    // What stays behind is an empty folder of no use to anybody.
    drop(std::fs::remove_dir_all(&folder));
    bound
}

/// The caller holds the host's lock, so a socket that lies there is nobody's.
fn bind_local(path: &Path) -> Result<UnixListener, DiskError> {
    durable::remove_if_there(path)?;
    let listener = UnixListener::bind(path).map_err(DiskError::on("listen on", path))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .map_err(DiskError::on("restrict", path))?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_addresses_than_a_worker_can_be_given_are_refused_by_their_number() {
        let dir = tempfile::tempdir().unwrap();
        let many = vec!["127.0.0.1:0".parse().unwrap(); MAX_LISTENERS];
        let local = dir.path().join("admin.sock");
        let error = Listeners::open(&many, &many[..1], &local).unwrap_err();
        assert!(
            error.to_string().starts_with("listen on 30 addresses: 29 are the most"),
            "{error}"
        );
        let most = Listeners::open(&many, &[], &local).unwrap();
        assert!(most.descriptors().len() + 2 <= crate::wire::MAX_DESCRIPTORS);
    }

    #[test]
    fn only_a_socket_that_listens_on_ip_or_is_the_hosts_own_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let (own, other) = (dir.path().join("admin.sock"), dir.path().join("other.sock"));
        let unix = |path: &Path| OwnedFd::from(UnixListener::bind(path).unwrap());
        let tcp = || OwnedFd::from(TcpListener::bind("127.0.0.1:0").unwrap());
        let (own_socket, pair) = (unix(&own), std::os::unix::net::UnixStream::pair().unwrap());
        let kind = |socket: &OwnedFd| Kind::of(socket, &own).unwrap();
        assert_eq!((kind(&tcp()), kind(&own_socket)), (Kind::Tcp, Kind::Local));
        assert!(
            matches!(kind(&unix(&other)), Kind::Unsuited(what) if what.contains("another path"))
        );
        assert!(matches!(kind(&pair.0.into()), Kind::Unsuited(_)));
        let datagram = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(matches!(kind(&datagram.into()), Kind::Unsuited(_)));

        let mut given = Given::default();
        for (socket, name) in [(tcp(), "admin"), (tcp(), "public"), (tcp(), "newleaf.socket")] {
            given.place(socket, Kind::Tcp, name).unwrap();
        }
        assert_eq!((given.admin.len(), given.public.len()), (1, 2));
        assert!(given.place(tcp(), Kind::Local, "public").is_err());
        given.place(own_socket, Kind::Local, "admin").unwrap();
        assert!(given.local.is_some());
    }
}
