//! What the launcher hands over first: listeners, locks, and what runs.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use newleaf_launcher::proto::ToWorker;
use newleaf_launcher::state::State;
use newleaf_launcher::wire::{Wire, WireError};

use crate::protocol::spoken;

/// Why the launcher's first message could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum HelloError {
    /// Standard input is not the launcher's control socket.
    #[error("take the launcher's control socket from standard input")]
    Wire(#[from] WireError),
    /// Something other than `hello` came first.
    #[error("the launcher did not say hello")]
    NotHello,
    /// The launcher is newer than this version can follow.
    #[error("the launcher speaks protocol {theirs}, this version up to {ours}")]
    Protocol {
        /// What it speaks.
        theirs: u32,
        /// What this version speaks.
        ours: u32,
    },
    /// Fewer descriptors came than were announced.
    #[error("the launcher sent {came} descriptors instead of {announced}")]
    Descriptors {
        /// How many came.
        came: usize,
        /// How many were announced.
        announced: usize,
    },
    /// Standard input cannot be put aside.
    #[error("put the control socket aside")]
    Stdin(#[source] std::io::Error),
}

/// The first message, taken apart.
#[derive(Debug)]
pub(crate) struct Hello {
    pub(crate) wire: Wire,
    pub(crate) state: State,
    pub(crate) public: Vec<TcpListener>,
    pub(crate) admin: Vec<TcpListener>,
    pub(crate) local: UnixListener,
    pub(crate) probe_socket: PathBuf,
    /// Whether this version still has to prove itself.
    pub(crate) is_trial: bool,
    /// Held until the process ends, so that no other launcher starts beside it.
    pub(crate) hold: File,
}

impl Hello {
    /// Takes the control socket from standard input, and what comes over it first.
    pub(crate) fn receive() -> Result<Self, HelloError> {
        let wire = Wire::from_stdin()?;
        forget_stdin().map_err(HelloError::Stdin)?;
        let (message, descriptors) = wire.receive::<ToWorker>()?;
        let ToWorker::Hello { protocol, public, admin, probe_socket, state, trial } = message
        else {
            return Err(HelloError::NotHello);
        };
        let ours = spoken();
        if protocol > ours {
            return Err(HelloError::Protocol { theirs: protocol, ours });
        }
        let announced = public + admin + 2;
        let came = descriptors.len();
        let mut descriptors = descriptors.into_iter();
        let tcp = |n: usize, from: &mut std::vec::IntoIter<OwnedFd>| {
            from.take(n).map(TcpListener::from).collect::<Vec<_>>()
        };
        let public = tcp(public, &mut descriptors);
        let admin = tcp(admin, &mut descriptors);
        let (Some(local), Some(hold), None) =
            (descriptors.next(), descriptors.next(), descriptors.next())
        else {
            return Err(HelloError::Descriptors { came, announced });
        };
        Ok(Self {
            wire,
            state: *state,
            public,
            admin,
            local: local.into(),
            probe_socket: probe_socket.into(),
            is_trial: trial,
            hold: hold.into(),
        })
    }
}

/// Addresses of listeners, as the system has them.
pub(crate) fn addresses(listeners: &[TcpListener]) -> Vec<SocketAddr> {
    listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
}

/// Children inherit standard input; the control socket must not reach them.
fn forget_stdin() -> std::io::Result<()> {
    let null = File::open("/dev/null")?;
    Ok(rustix::stdio::dup2_stdin(&null)?)
}
