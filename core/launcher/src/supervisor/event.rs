//! What can happen to the launcher, and what it can do.

use std::time::Duration;

use newleaf_domain::UpdateId;

use super::WorkerId;
use crate::journal::{Entry, Unfinished};
use crate::proto::{Ask, Heir, Pulse, Repair};
use crate::state::{CoreSlot, State};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The launcher starts; what the journal says of an update that was cut short.
    Start(Option<Unfinished>),
    /// This launcher has taken the place of another, whose workers the model has.
    TookOver,
    /// Nothing waits and nothing is under way.
    Quiet,
    /// The successor of this launcher could not be started.
    NoSuccessor(Exit),
    /// `state` could not be read and the one before it serves, or the journal has gone past it;
    /// this is what to say of it.
    FellBack(String),
    /// A worker answers on its private socket.
    Ready {
        /// Which.
        worker: WorkerId,
        /// From its start.
        took: Duration,
        /// Whether it can be asked for its pulse.
        pulse: Pulse,
        /// The lowest schema whose program can read the data, where it says so.
        oldest_reader: Option<u32>,
    },
    /// A worker answered that it still works on requests.
    Pulse(WorkerId),
    /// A worker could not be started, or has exited.
    Exited {
        /// Which.
        worker: WorkerId,
        /// How.
        exit: Exit,
    },
    /// The probe of a worker came back.
    Probed {
        /// Which.
        worker: WorkerId,
        /// Healthy; or why not, and whether the worker is to blame.
        result: Result<(), Exit>,
    },
    /// A time that was asked for has come.
    Fired(Timer),
    /// A worker asks for something.
    Asked {
        /// Which.
        worker: WorkerId,
        /// The request's number.
        id: u64,
        /// The request.
        ask: Ask,
    },
    /// A worker said something that this launcher does not know.
    Unknown {
        /// Which.
        worker: WorkerId,
        /// The request's number, where it asked for something.
        id: Option<u64>,
    },
    /// A person orders something on the recovery page.
    Ordered {
        /// The order's number.
        id: u64,
        /// The order.
        repair: Repair,
    },
    /// The child that extends the schema has exited.
    Expanded(Result<(), Exit>),
    /// The recovery page's process has exited, or could not be started.
    RecoveryGone(Exit),
    /// The disk refuses a record or a state: what stands behind it waits.
    DiskRefuses,
    /// The launcher was asked to end.
    Stop,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// In words that follow "it", such as `exited with status 1`.
    pub how: String,
    /// What it says of the version.
    pub evidence: Evidence,
}

/// Whether a failure speaks against the version that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// It does.
    Release,
    /// It does not: the disk is full or failing, or descriptors or memory have run out.
    Machine,
    /// It does not: the program on disk is not the one that was staged, and was not run.
    Damage,
    /// It does not: the disk failed each time to give the program, which was not run. It may give
    /// it the next time.
    Unreadable,
    /// It does not: the good version cannot be started either any more, so the settings or the
    /// machine are to blame.
    Surroundings,
}

/// Something to be woken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// A worker must be ready by now.
    Ready(WorkerId),
    /// A serving worker on trial is probed again.
    Probe(WorkerId),
    /// A worker on trial has served for its probation.
    Probation(WorkerId),
    /// A serving worker is asked for its pulse, or has left that question open for a while.
    Pulse(WorkerId),
    /// A worker serves so long that what failed before it was no quick exit of it.
    Settled(WorkerId),
    /// A worker serves so long that its earlier failures are forgotten.
    Steady(WorkerId),
    /// A drain is over.
    Drain(WorkerId),
    /// The good version is started again.
    Respawn,
    /// The recovery page is opened again.
    Page,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Append to the journal, durably.
    Append {
        /// The update it belongs to.
        update: Option<UpdateId>,
        /// The record.
        entry: Entry,
    },
    /// Append a notice, where the disk takes it; nothing waits for it.
    Notice {
        /// The update it belongs to.
        update: Option<UpdateId>,
        /// One line.
        text: String,
    },
    /// Replace `state`, durably.
    Write(Box<State>),
    /// Answer the request `id` of `worker`: refused, or done as the last record and state say.
    Answer {
        /// Whom.
        worker: WorkerId,
        /// The request's number.
        id: u64,
        /// What came of it.
        reply: Reply,
    },
    /// Answer the order `id` of the recovery page.
    AnswerOrder {
        /// The order's number.
        id: u64,
        /// What came of it.
        reply: Reply,
    },
    /// Start a worker.
    Spawn {
        /// Its number.
        worker: WorkerId,
        /// What to start.
        slot: CoreSlot,
        /// Whether it is on trial.
        on_trial: bool,
    },
    /// Ask a worker's private socket.
    Probe(WorkerId),
    /// Ask a worker over its control socket whether it still works.
    Pulse(WorkerId),
    /// Tell a worker to accept.
    Go(WorkerId),
    /// Tell a worker to finish and exit, and who serves meanwhile.
    Drain(WorkerId, Heir),
    /// End a worker now.
    Kill(WorkerId),
    /// Become the launcher of this slot: same process, sockets and workers.
    Succeed(CoreSlot),
    /// Run the slot's program to extend the schema.
    Expand(CoreSlot),
    /// Give the listeners to the recovery page. The reason is the journal's last notice.
    OpenRecovery(String),
    /// Take them back.
    CloseRecovery,
    /// Call back then. A timer that is set again is moved.
    Wake(Timer, Duration),
    /// Nothing is left to do: end.
    Exit,
}

/// What a request led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A record was appended: the last one.
    Appended,
    /// `state` was replaced.
    Changed,
    /// Not done, and why.
    Refused(String),
    /// Not done at this moment, and why.
    Busy(String),
}
