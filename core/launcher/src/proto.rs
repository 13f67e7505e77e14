//! What launcher and worker say to each other over the inherited socket pair.
//!
//! One message a packet (`SOCK_SEQPACKET`), as JSON; file descriptors ride beside `Hello`.

use newleaf_domain::{PackageName, PlanId, UpdateId};
use serde::{Deserialize, Serialize};

use crate::journal::{Entry, Record};
use crate::state::{AppSlot, AppTrial, CoreSlot, State, Way};

/// The protocol of these messages. Grows when one changes its meaning.
pub const PROTOCOL: u32 = 1;

/// The largest message that is a packet of its own, in bytes. A longer one is enclosed
/// ([`crate::wire`]); a worker of a version that knows no enclosures cannot be given one.
pub const MAX_MESSAGE: usize = 256 * 1024;

/// The exit status of a worker that could not start because of the machine: a failing or full
/// disk, no memory, no descriptors (`EX_TEMPFAIL` of sysexits). Never evidence against a version.
pub const EXIT_MACHINE: i32 = 75;

/// From the launcher to a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "kebab-case")]
pub enum ToWorker {
    /// The first message. Beside it ride, in this order: the public listeners, the admin
    /// listeners, `run/admin.sock`, the shared hold on `run/workers`.
    Hello {
        /// [`PROTOCOL`] of the launcher.
        protocol: u32,
        /// Public listeners among the descriptors.
        public: usize,
        /// Admin listeners among the descriptors.
        admin: usize,
        /// Where the worker opens its private socket for the probe.
        probe_socket: String,
        /// Whether the worker is on trial.
        trial: bool,
        /// What runs.
        state: Box<State>,
    },
    /// Accept requests. The baton comes with it: the right to ask for changes.
    Go {
        /// What runs now.
        state: Box<State>,
    },
    /// Stop accepting, finish what is under way, exit. Takes the baton back.
    Drain {
        /// Milliseconds after which whatever is left is cut.
        within_ms: u64,
        /// Who serves meanwhile.
        #[serde(default)]
        heir: Heir,
    },
    /// The answer to the request with this number.
    Answer {
        /// The request's number.
        id: u64,
        /// What came of it.
        answer: Answer,
    },
    /// A record was appended; viewers are told.
    Appended {
        /// The record.
        record: Box<Record>,
    },
    /// `state` was replaced.
    Changed {
        /// The new one.
        state: Box<State>,
    },
    /// Show that requests are still worked on: answer with [`ToLauncher::Pulse`]. Only said to a
    /// worker whose `Ready` promised an answer.
    Pulse,
    /// Whether the launcher can write down what it has to. A worker of a version that does not know
    /// this passes over it.
    Disk {
        /// Why the disk refuses; none once it takes everything again.
        #[serde(default)]
        refuses: Option<String>,
    },
}

/// Who accepts on the same listeners while a worker finishes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Heir {
    /// Another worker: nothing waits for this one, and no request need be lost for haste.
    Serves,
    /// Nobody, or nobody that an older launcher tells of: the host waits for this worker's end.
    #[default]
    #[serde(other)]
    None,
}

/// From a worker to the launcher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "kebab-case")]
pub enum ToLauncher {
    /// The private socket answers; the worker waits for the probe and `Go`.
    Ready {
        /// The schema the worker's program writes.
        schema: u32,
        /// [`PROTOCOL`] of the worker's program.
        protocol: u32,
        /// Whether it answers [`ToWorker::Pulse`].
        #[serde(default)]
        pulse: Pulse,
        /// The lowest schema whose program can read the data, as the database says; none from an
        /// older version, which does not tell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        oldest_reader: Option<u32>,
    },
    /// The answer to [`ToWorker::Pulse`].
    Pulse,
    /// The drain is over; the worker exits next.
    Drained,
    /// Why the worker ends: it failed, and exits next. For people; what the exit means, its status
    /// alone says.
    LastWords {
        /// With all its causes.
        why: String,
    },
    /// Something to do. Only the worker with the baton may ask; others are refused.
    Ask {
        /// A number that the answer repeats.
        id: u64,
        /// What to do.
        ask: Ask,
    },
    /// What a person orders on the recovery page. Only its process may; from a worker it is as
    /// good as unknown.
    Repair {
        /// A number that the answer repeats.
        id: u64,
        /// What to do.
        repair: Repair,
    },
}

/// An order of the recovery page, while no version serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "repair", rename_all = "kebab-case")]
pub enum Repair {
    /// Start the good version now, without waiting for its next turn.
    TryAgain,
    /// Start the version before, with its tries, its probe and its probation.
    StartPrevious {
        /// The id of this way back.
        update: UpdateId,
        /// The id that stands for a plan, as nobody made one.
        plan: PlanId,
    },
}

/// What a worker does with [`ToWorker::Pulse`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pulse {
    /// It answers; where it does not, it hangs.
    Answered,
    /// Nothing is known: an older version, which would not understand the question.
    #[default]
    #[serde(other)]
    Unknown,
}

/// A request that changes `state` or the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub enum Ask {
    /// Append a record.
    Append {
        /// The update it belongs to.
        update: Option<UpdateId>,
        /// What it says.
        entry: Box<Entry>,
    },
    /// Core's phase becomes `expand`.
    Expand {
        /// The update.
        update: UpdateId,
    },
    /// Point A: put this slot on trial and switch to it.
    Arm {
        /// The update.
        update: UpdateId,
        /// The slot, durable on disk.
        slot: Box<CoreSlot>,
        /// Forward, or back to the version before.
        way: Way,
        /// Without a host that runs: how long the extension of the data may take at the next start,
        /// in milliseconds, where its rehearsal has told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expand_within_ms: Option<u64>,
    },
    /// An app's version is being brought in; with its snapshot once that is complete.
    TrialApp {
        /// The app.
        app: PackageName,
        /// The version, and its snapshot.
        trial: Box<AppTrial>,
    },
    /// The switch of an app: this slot is good, in one write.
    CommitApp {
        /// The app.
        app: PackageName,
        /// The slot that serves from now on.
        slot: Box<AppSlot>,
        /// What was good and is kept for *Undo*.
        previous: Option<Box<AppSlot>>,
    },
    /// The database was contracted: only programs of this schema or a newer one can read it.
    Contracted {
        /// The lowest schema whose program can read the data.
        oldest_reader: u32,
    },
    /// The trial of an app (or of core before it was armed) ends without a switch.
    Abort {
        /// The update.
        update: UpdateId,
        /// The app; none for core.
        app: Option<PackageName>,
        /// Marks the trial's digest as bad, with the reason.
        bad: Option<crate::state::BadRelease>,
    },
    /// An app is switched on or off, or removed.
    SetApp {
        /// The app.
        app: PackageName,
        /// What becomes of it.
        change: AppChange,
    },
}

/// A change to an app that switches no version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AppChange {
    /// Serve it again.
    Enable,
    /// Stop serving it.
    Disable,
    /// Forget it; its data folder is the worker's affair.
    Remove,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Answer {
    /// Appended as this record.
    Appended {
        /// The record.
        record: Box<Record>,
    },
    /// `state` was replaced.
    Changed {
        /// The new one.
        state: Box<State>,
    },
    /// Not done.
    Refused {
        /// Why, in one line.
        why: String,
        /// What it hangs on.
        #[serde(default)]
        ground: Ground,
    },
}

impl Answer {
    /// A refusal of the request as such.
    pub const fn refused(why: String) -> Self {
        Self::Refused { why, ground: Ground::Request }
    }
}

/// What a refusal hangs on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ground {
    /// The moment: the same request may be granted a little later.
    Moment,
    /// The request, or something that does not pass by itself.
    #[default]
    #[serde(other)]
    Request,
}
