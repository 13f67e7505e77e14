//! The launcher itself: binds, starts workers, and carries out what [`crate::supervisor`] decides.
//!
//! One thread around `poll`. Nothing is decided here.

mod durable_half;
mod intact;
mod listeners;
mod notify;
mod process;
mod report;
mod shell;
mod succession;
mod test_point;
mod timers;
mod workers;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

pub use intact::damage_of;
pub use listeners::ListenError;
pub use process::is_machine;
pub use succession::HandoverError;
pub use test_point::{AND_STATES, STATE as TEST_POINT_STATE, VARIABLE as TEST_POINT};

use crate::failed_start;
use crate::footing::{self, Footing};
use crate::journal::{Journal, JournalError, unfinished_core};
use crate::layout::Layout;
use crate::lock::{self, HostLock, LockError, Orphans};
use crate::loss;
use crate::state_file::{self, Source, StateError};
use crate::supervisor::{Event, Model, Timing};
use listeners::Listeners;
use shell::Shell;
use succession::{Handover, Inherited};

/// What a host is started with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The host's folder.
    pub dir: PathBuf,
    /// Where the public listens.
    pub public: Vec<SocketAddr>,
    /// Where the portal listens.
    pub admin: Vec<SocketAddr>,
    /// The launcher's own program: it probes and shows the recovery page, never the trial's.
    pub image: PathBuf,
    /// How long each thing may take.
    pub timing: Timing,
    /// The launcher protocol of this program, [`crate::proto::PROTOCOL`].
    pub protocol: u32,
    /// What this program was called with: its successor is called so too.
    pub arguments: Vec<OsString>,
}

/// Why a host cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The folder is in use.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// `state` cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// The journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// What another launcher handed over cannot be taken.
    #[error(transparent)]
    Handover(#[from] HandoverError),
    /// A socket cannot be bound.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The system refused something the loop cannot be without.
    #[error("{action}")]
    System {
        /// What was being done.
        action: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl ServeError {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        let told = match self {
            Self::Lock(error) => return error.hint(),
            Self::State(error) => return error.hint(),
            Self::Journal(error) => return error.hint(),
            Self::Listen(ListenError::Disk(error)) => return error.hint(),
            Self::Listen(ListenError::Inherit { source, .. })
                if source.kind() == std::io::ErrorKind::PermissionDenied =>
            {
                "allow pidfd_getfd where the unit filters system calls (SystemCallFilter=), as \
                 newleaf.service does"
            }
            Self::Listen(ListenError::Inherit { .. } | ListenError::Unsuited { .. }) => {
                "mend the socket unit; it passes on TCP sockets that listen, called public or admin, \
                 and run/admin.sock, called admin"
            }
            Self::Listen(ListenError::Bind { .. }) => {
                "stop what uses the address, or choose another with --listen"
            }
            Self::Listen(ListenError::TooMany { .. }) => {
                "give fewer addresses under [listen] or as --listen and --admin-listen"
            }
            Self::Handover(_) => "start the service again",
            Self::System { .. } => "check the limits of open files and processes",
        };
        told.to_owned()
    }

    /// For `map_err`: names what was being done.
    fn system<E: Into<std::io::Error>>(action: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::System { action, source: source.into() }
    }
}

/// A host that holds its lock and its sockets, and has started nothing yet.
#[derive(Debug)]
pub struct Bound {
    settings: Settings,
    layout: Layout,
    lock: HostLock,
    listeners: Listeners,
    inherited: Option<Inherited>,
}

impl Bound {
    /// Takes the folder, waits for an earlier launcher's workers to go, and binds; or takes over
    /// from the launcher that has just made this process its successor.
    ///
    /// # Errors
    /// Another host runs there, its workers do not go, or an address is in use.
    pub fn open(settings: Settings) -> Result<Self, ServeError> {
        let layout = Layout::new(&settings.dir);
        if !settings.dir.is_dir() {
            return Err(StateError::Missing(settings.dir).into());
        }
        if let Some(Handover { lock, listeners, inherited }) = Handover::take()? {
            let lock = lock.with_folder(&layout);
            return Ok(Self { settings, layout, lock, listeners, inherited: Some(inherited) });
        }
        let lock = HostLock::acquire(&layout)?;
        let listeners = listen(&settings, &layout)
            .inspect_err(|error| failed_start::note(&lock, &layout, error))?;
        write_footing(&layout);
        Ok(Self { settings, layout, lock, listeners, inherited: None })
    }

    /// The addresses of the public listeners, with the ports the system chose.
    pub fn public(&self) -> Vec<SocketAddr> {
        addresses(&self.listeners.public)
    }

    /// The addresses of the admin listeners.
    pub fn admin(&self) -> Vec<SocketAddr> {
        addresses(&self.listeners.admin)
    }

    /// Runs until it is told to end by SIGTERM or SIGINT.
    ///
    /// # Errors
    /// `state` cannot be read, or the system fails at the start. Later failures are lived with.
    pub fn run(self) -> Result<(), ServeError> {
        let (journal, told) = Journal::open_or_go_without(&self.lock, &self.layout);
        let mut notices = told.into_iter().collect::<Vec<_>>();
        if let Err(error) = footing::give_up() {
            notices.push(format!("the launcher could not give up its capabilities: {error}"));
        }
        // The journal tells what to say of an interrupted update; what runs, `state` alone decides.
        let records = crate::journal::read_from(&self.layout, 1).unwrap_or_default();
        let unfinished = unfinished_core(records.iter().cloned());
        notices.extend(failed_start::last(&records).map(|_| failed_start::CAME.to_owned()));
        let mut first = match &self.inherited {
            Some(_) => vec![Event::TookOver],
            None => vec![Event::Start(unfinished)],
        };
        let (state, source) = state_file::read_with_source(&self.layout)?;
        let told = match source {
            Source::Previous(why) => Some(loss::notice(&state, &why, &records)),
            Source::Current if self.inherited.is_some() => None,
            Source::Current => loss::older(&state, &records),
        };
        first.extend(told.map(Event::FellBack));
        let model = Model::new(state, self.settings.timing)
            .speaking(self.settings.protocol)
            .in_boot(lock::boot_id());
        let mut shell = Shell::new(self, journal, model)?;
        shell.run(first, notices)
    }
}

/// Waits for an earlier launcher's workers to go, and binds.
fn listen(settings: &Settings, layout: &Layout) -> Result<Listeners, ServeError> {
    state_file::read(layout)?;
    lock::wait_for_workers(layout, settings.timing.orphans_within, Orphans::End)?;
    Ok(Listeners::open(&settings.public, &settings.admin, &layout.admin_socket())?)
}

/// Without it nobody can tell what the next start would do, which they then say; the host runs.
fn write_footing(layout: &Layout) {
    match Footing::measure().map(|footing| footing.write(&layout.footing())) {
        Ok(Ok(())) => {}
        Ok(Err(_)) | Err(_) => drop(std::fs::remove_file(layout.footing())),
    }
}

fn addresses(listeners: &[std::net::TcpListener]) -> Vec<SocketAddr> {
    listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
}
