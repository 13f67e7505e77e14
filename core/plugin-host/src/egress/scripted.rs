//! A network of a test's own making: names resolve to what the test says, and behind each address
//! stands what the test put there. Never asks a name server, never leaves this machine.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{io::DuplexStream, net::TcpStream};

use super::wire::{End, Held, Secrecy, Soon, Stream, Wire};

/// How much of an in-memory stream may lie unread.
const PIPE: usize = 64 * 1024;

/// What stands behind an address of a [`Scripted`] network.
#[derive(Clone)]
pub enum Door {
    /// Whoever listens there, on any port that is asked for.
    Listener(SocketAddr),
    /// A function that takes the other end of each connection.
    InMemory(Arc<dyn Fn(DuplexStream) + Send + Sync>),
    /// Nobody: connections are refused.
    Closed,
    /// Silence: connections neither succeed nor fail.
    Silent,
}

/// A network for tests. A name or an address that it does not know does not exist.
#[derive(Debug)]
pub struct Scripted {
    names: Mutex<BTreeMap<String, VecDeque<Vec<IpAddr>>>>,
    every_name: Option<IpAddr>,
    doors: BTreeMap<IpAddr, Door>,
    own: Vec<IpAddr>,
    secrecy: Secrecy,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    lookups: Vec<String>,
    connections: Vec<SocketAddr>,
}

impl Default for Scripted {
    fn default() -> Self {
        Self {
            names: Mutex::default(),
            every_name: None,
            doors: BTreeMap::new(),
            own: Vec::new(),
            secrecy: Secrecy::Tls,
            seen: Mutex::default(),
        }
    }
}

impl Scripted {
    /// Resolves `name` to `addresses`. Said again, it is what the next lookup answers; the last
    /// one stays.
    #[must_use]
    pub fn name(self, name: &str, addresses: &[IpAddr]) -> Self {
        lock(&self.names).entry(name.to_owned()).or_default().push_back(addresses.to_vec());
        self
    }

    /// Resolves every other name to `address`.
    #[must_use]
    pub fn every_name(mut self, address: IpAddr) -> Self {
        self.every_name = Some(address);
        self
    }

    /// Puts `door` behind `address`.
    #[must_use]
    pub fn door(mut self, address: IpAddr, door: Door) -> Self {
        self.doors.insert(address, door);
        self
    }

    /// Makes `address` one of the machine that asks.
    #[must_use]
    pub fn own(mut self, address: IpAddr) -> Self {
        self.own.push(address);
        self
    }

    /// Leaves TLS out: what goes to an `https` address arrives in the clear.
    #[must_use]
    pub fn without_tls(mut self) -> Self {
        self.secrecy = Secrecy::NotNeeded;
        self
    }

    /// The names that were looked up, in order.
    pub fn lookups(&self) -> Vec<String> {
        lock(&self.seen).lookups.clone()
    }

    /// The addresses that were connected to, in order.
    pub fn connections(&self) -> Vec<SocketAddr> {
        lock(&self.seen).connections.clone()
    }

    fn addresses(&self, name: &str) -> Option<Vec<IpAddr>> {
        match lock(&self.names).get_mut(name) {
            Some(answers) if answers.len() > 1 => answers.pop_front(),
            Some(answers) => answers.front().cloned(),
            None => self.every_name.map(|address| vec![address]),
        }
    }
}

impl Wire for Scripted {
    fn resolve(&self, name: String, _held: Held) -> Soon<'_, Vec<IpAddr>> {
        Box::pin(async move {
            let found = self.addresses(&name);
            lock(&self.seen).lookups.push(name);
            found
                .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such name in this test"))
        })
    }

    fn connect(&self, to: SocketAddr) -> Soon<'_, Box<dyn Stream>> {
        Box::pin(async move {
            lock(&self.seen).connections.push(to);
            match self.doors.get(&to.ip()) {
                Some(Door::Listener(listener)) => {
                    Ok(Box::new(TcpStream::connect(listener).await?) as Box<dyn Stream>)
                }
                Some(Door::InMemory(takes)) => {
                    let (ours, theirs) = tokio::io::duplex(PIPE);
                    takes(theirs);
                    Ok(Box::new(ours) as Box<dyn Stream>)
                }
                Some(Door::Silent) => std::future::pending().await,
                Some(Door::Closed) | None => Err(io::ErrorKind::ConnectionRefused.into()),
            }
        })
    }

    fn end(&self, address: IpAddr) -> End {
        if self.own.contains(&address) { End::Here } else { End::Elsewhere }
    }

    fn secrecy(&self) -> Secrecy {
        self.secrecy
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Listener(address) => f.debug_tuple("Listener").field(address).finish(),
            Self::InMemory(_) => f.write_str("InMemory(…)"),
            Self::Closed => f.write_str("Closed"),
            Self::Silent => f.write_str("Silent"),
        }
    }
}
