//! Hands a running launcher to the program that takes its place: the same process, by `execve`,
//! with its lock, its sockets and its workers.
//!
//! The successor's standard input is one end of a socket pair, and what it is to have lies in it
//! already: a description, in a form that counts, and the descriptors beside it. So nothing but
//! standard input stays open across `execve`, and nothing is owned by its number.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::durable_half::Durable;
use super::listeners::Listeners;
use super::process::{Process, cannot};
use super::timers::Timers;
use super::workers::{Processes, Running};
use crate::durable::chain;
use crate::lock::HostLock;
use crate::proto::Pulse;
use crate::state::CoreSlot;
use crate::supervisor::{
    Beat, Evidence, Exit, Model, Speech, Stage, Timer, Watch, Which, Worker, WorkerId,
};
use crate::wire::{Blocking, Wire, WireError};

/// Names the process that is to take over, so that no child takes it for itself.
pub(super) const VARIABLE: &str = "NEWLEAF_HANDOVER";

/// The form of the description. A newer one may only add to it.
const FORM: u32 = 1;

/// Why a launcher could not take over.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// The description cannot be read.
    #[error("take over from the launcher before")]
    Wire(#[from] WireError),
    /// It is in a form that this version does not know.
    #[error("the launcher before hands over in form {theirs}, this version knows up to {FORM}")]
    Form {
        /// Its form.
        theirs: u32,
    },
    /// Fewer descriptors came than were announced.
    #[error("the launcher before handed over {came} descriptors instead of {announced}")]
    Descriptors {
        /// How many came.
        came: usize,
        /// How many were announced.
        announced: usize,
    },
}

/// The first message. Beside it: `run/lock`, `run/admin.sock`, the public and the admin listeners.
#[derive(Debug, Serialize, Deserialize)]
struct Description {
    form: u32,
    public: usize,
    admin: usize,
    workers: usize,
    next_worker: u64,
}

/// One message a worker. Beside it: its control socket and its process.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    id: u64,
    slot: CoreSlot,
    part: Part,
    pulse: Pulse,
    age_ms: u64,
}

/// What a worker does when it is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "part")]
enum Part {
    /// It serves.
    Serves,
    /// It finishes, and is cut after this.
    Drains { within_ms: u64 },
}

/// What the launcher before handed over.
pub(super) struct Handover {
    pub(super) lock: HostLock,
    pub(super) listeners: Listeners,
    pub(super) inherited: Inherited,
}

/// The workers of the launcher before.
#[derive(Debug)]
pub(super) struct Inherited {
    workers: Vec<(Kept, Wire, OwnedFd)>,
    next_worker: u64,
}

impl Handover {
    /// Takes it from standard input, where this process is a successor.
    pub(super) fn take() -> Result<Option<Self>, HandoverError> {
        let own = std::process::id().to_string();
        if std::env::var(VARIABLE).ok() != Some(own) {
            return Ok(None);
        }
        let wire = Wire::from_stdin()?;
        close_stdin()?;
        let (said, mut descriptors) = wire.receive::<Description>()?;
        if said.form > FORM {
            return Err(HandoverError::Form { theirs: said.form });
        }
        expect(&descriptors, said.public + said.admin + 2)?;
        let mut tcp = |n: usize, from: usize| -> Vec<TcpListener> {
            descriptors.drain(from..from + n).map(TcpListener::from).collect()
        };
        let admin = tcp(said.admin, 2 + said.public);
        let public = tcp(said.public, 2);
        let mut others = descriptors.into_iter();
        let (Some(lock), Some(local)) = (others.next(), others.next()) else {
            return Err(HandoverError::Descriptors { came: 0, announced: 2 });
        };
        let workers = (0..said.workers).map(|_| kept(&wire)).collect::<Result<_, _>>()?;
        Ok(Some(Self {
            lock: HostLock::kept(lock),
            listeners: Listeners { public, admin, local: UnixListener::from(local) },
            inherited: Inherited { workers, next_worker: said.next_worker },
        }))
    }
}

fn kept(wire: &Wire) -> Result<(Kept, Wire, OwnedFd), HandoverError> {
    let (kept, descriptors) = wire.receive::<Kept>()?;
    expect(&descriptors, 2)?;
    let mut both = descriptors.into_iter();
    match (both.next(), both.next()) {
        (Some(control), Some(process)) => Ok((kept, control.into(), process)),
        _ => Err(HandoverError::Descriptors { came: 0, announced: 2 }),
    }
}

fn expect(descriptors: &[OwnedFd], announced: usize) -> Result<(), HandoverError> {
    let came = descriptors.len();
    if came == announced { Ok(()) } else { Err(HandoverError::Descriptors { came, announced }) }
}

impl Inherited {
    /// Gives the workers their places.
    pub(super) fn fill(self, model: &mut Model, processes: &mut Processes, timers: &mut Timers) {
        model.next_worker = self.next_worker;
        for (kept, wire, exited) in self.workers {
            let id = WorkerId(kept.id);
            let process = Process::kept(exited, Duration::from_millis(kept.age_ms));
            processes.workers.insert(id, Running::new(process, wire));
            if let Part::Drains { within_ms } = kept.part {
                timers.set(Timer::Drain(id), Duration::from_millis(within_ms));
            }
            model.workers.insert(id, worker(kept));
        }
    }
}

fn worker(kept: Kept) -> Worker {
    Worker {
        slot: kept.slot,
        which: Which::Good,
        stage: if kept.part == Part::Serves { Stage::Serving } else { Stage::Draining },
        strikes: 0,
        watch: Watch::Runs,
        speech: Speech::Known,
        beat: if kept.pulse == Pulse::Answered { Beat::Heard } else { Beat::Unheard },
    }
}

/// Becomes the launcher of `slot`; comes back only with the reason why that cannot be. What this
/// one is told until then is no other's to know: where it is told to end, it stays and ends.
pub(super) fn become_launcher_of(
    slot: &CoreSlot,
    model: &Model,
    durable: &Durable,
    processes: &Processes,
    timers: &Timers,
    told_to_end: impl FnOnce() -> bool,
) -> Exit {
    let settings = &processes.settings;
    let packed = match pack(model, durable, processes, timers) {
        Ok(packed) => packed,
        Err(error) => {
            let how = format!("could not be handed the host: {}", chain(&error));
            return Exit { how, evidence: Evidence::Machine };
        }
    };
    let mut command = Command::new(processes.layout.program(slot));
    command.args(&settings.arguments).env(VARIABLE, std::process::id().to_string());
    let handed = durable.test_point.hand_over(&mut command);
    // The last moment: what comes after `execve` ends the successor, as it does any process.
    if told_to_end() {
        let how = "did not take over: the host is told to end".to_owned();
        return Exit { how, evidence: Evidence::Machine };
    }
    let error = handed.and_then(|()| Ok(rustix::stdio::dup2_stdin(&packed)?)).err();
    let error = error.unwrap_or_else(|| command.exec());
    stay();
    cannot("be started", &error)
}

/// Puts everything into a socket pair, and gives the end to read it from.
fn pack(
    model: &Model,
    durable: &Durable,
    processes: &Processes,
    timers: &Timers,
) -> Result<OwnedFd, WireError> {
    use std::os::fd::AsFd as _;
    let (ours, theirs) = Wire::pair()?;
    let Listeners { public, admin, local } = &processes.listeners;
    let description = Description {
        form: FORM,
        public: public.len(),
        admin: admin.len(),
        workers: processes.workers.len(),
        next_worker: model.next_worker,
    };
    let sockets = public.iter().chain(admin).map(std::os::fd::AsFd::as_fd);
    let descriptors = [durable.lock().as_fd(), local.as_fd()].into_iter().chain(sockets);
    ours.send(&description, &descriptors.collect::<Vec<_>>(), Blocking::No)?;
    for (id, running) in &processes.workers {
        let Some(worker) = model.workers.get(id) else { continue };
        let kept = describe(*id, worker, running, timers);
        let descriptors = [running.wire.as_fd(), running.process.exited.as_fd()];
        ours.send(&kept, &descriptors, Blocking::No)?;
    }
    Ok(theirs)
}

fn describe(id: WorkerId, worker: &Worker, running: &Running, timers: &Timers) -> Kept {
    let part = if worker.stage == Stage::Serving {
        Part::Serves
    } else {
        let left = timers.left(Timer::Drain(id)).unwrap_or_default();
        Part::Drains { within_ms: milliseconds(left) }
    };
    let pulse = if worker.beat == Beat::Unheard { Pulse::Unknown } else { Pulse::Answered };
    let age_ms = milliseconds(running.process.started.elapsed());
    Kept { id: id.0, slot: worker.slot.clone(), part, pulse, age_ms }
}

fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Mends what a failed `exec` of the standard library leaves behind: a standard input that is the
/// socket pair, and a SIGPIPE that would end this process.
fn stay() {
    // Both only keep small harm away, and a host serves without them.
    drop(close_stdin());
    drop(signal_hook::flag::register(signal_hook::consts::SIGPIPE, std::sync::Arc::default()));
}

fn close_stdin() -> Result<(), WireError> {
    let null = std::fs::File::open(Path::new("/dev/null")).map_err(WireError::System)?;
    rustix::stdio::dup2_stdin(&null).map_err(|error| WireError::System(error.into()))
}
