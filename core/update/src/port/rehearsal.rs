//! What a rehearsal of core needs and gives: the new version on a copy of the data, and the apps
//! under its engine.

use std::time::Duration;

use newleaf_domain::{ByteSize, PackageName};
use serde::{Deserialize, Serialize};

use super::{ExpandError, SlotError};

/// How long each part of a rehearsal may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RehearsalWaits {
    /// The extension of the copy.
    pub expand: Duration,
    /// From the start of the new worker to its READY.
    pub ready: Duration,
    /// From the question on its private socket to its answer.
    pub probe: Duration,
}

/// How long each part took, and how much was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsed {
    /// Bytes of the copy.
    pub copied: ByteSize,
    /// Milliseconds of the copying.
    pub copy_ms: u64,
    /// Milliseconds of the extension, which include a snapshot of the copy.
    pub expand_ms: u64,
    /// Milliseconds from the start of the new worker to its good answer.
    pub start_ms: u64,
}

impl std::fmt::Display for Rehearsed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { copied, copy_ms, expand_ms, start_ms } = self;
        write!(
            f,
            "{copied} copied in {copy_ms} ms, extended in {expand_ms} ms, started and healthy in \
             {start_ms} ms"
        )
    }
}

/// How long each part of an app's rehearsal took on a copy of its data, while the version before
/// served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppRehearsed {
    /// Bytes of the copy.
    pub copied: ByteSize,
    /// Milliseconds of the copying beside the version that serves; nobody waits for it.
    pub copy_ms: u64,
    /// Milliseconds of a snapshot of the copy.
    pub snapshot_ms: u64,
    /// Milliseconds of the migration; 0 where the data has the schema already.
    pub migrate_ms: u64,
    /// Milliseconds of the answer for its health and of the pages.
    pub health_ms: u64,
    /// Paths of the pages that it was asked for and answered: the first page, and what visitors
    /// read lately.
    pub pages: Vec<String>,
}

impl AppRehearsed {
    /// How long visitors are expected to wait.
    pub const fn pause(&self) -> Duration {
        Duration::from_millis(self.snapshot_ms + self.migrate_ms + self.health_ms)
    }
}

impl std::fmt::Display for AppRehearsed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { copied, copy_ms, snapshot_ms, migrate_ms, health_ms, pages } = self;
        let pages = match pages.len() {
            1 => "1 page".to_owned(),
            many => format!("{many} pages"),
        };
        write!(
            f,
            "{copied} copied in {copy_ms} ms; saved in {snapshot_ms} ms, migrated in {migrate_ms} \
             ms, healthy with {pages} in {health_ms} ms"
        )
    }
}

/// Why a rehearsal did not come to a good end. The data that serves is untouched by all of them.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// The data could not be copied.
    #[error("the data could not be copied: {detail}")]
    Copy {
        /// What the system or the database said.
        detail: String,
    },
    /// The copy could not be extended.
    #[error("extend the copy")]
    Expand(#[source] ExpandError),
    /// The new worker ended by its own fault, or is not well.
    #[error("on a copy of the data, the new version {detail}")]
    Unfit {
        /// `ended with exit status: 1: …`, `answered 503: …`.
        detail: String,
    },
    /// The new worker was not ready in time.
    #[error("on a copy of the data, the new version was not ready within {} s", within.as_secs_f32())]
    NotReady {
        /// The time it had.
        within: Duration,
    },
    /// The machine did not let it be rehearsed.
    #[error("this machine did not let it be rehearsed: {detail}")]
    Machine {
        /// What it said.
        detail: String,
    },
    /// Files of the rehearsal.
    #[error(transparent)]
    Files(#[from] SlotError),
}

impl RehearsalError {
    /// Whether nothing was learnt of the version, since the machine failed and not the version.
    pub const fn is_machine_fault(&self) -> bool {
        match self {
            Self::Copy { .. } | Self::Machine { .. } | Self::Files(_) => true,
            Self::Expand(error) => error.is_machine_fault(),
            Self::Unfit { .. } | Self::NotReady { .. } => false,
        }
    }

    /// Whether the failure is evidence against the version wherever it runs. Time is not: it says
    /// how busy the machine is, too.
    pub const fn blames_version(&self) -> bool {
        !self.is_machine_fault() && !matches!(self, Self::NotReady { .. })
    }
}

/// The installed apps under the engine of the new version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Warmed {
    /// Apps that were compiled and linked, or tried.
    pub apps: usize,
    /// Those that the new version cannot run.
    pub broken: Vec<BrokenApp>,
}

/// An app that a new version of core cannot run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenApp {
    /// The app.
    pub app: PackageName,
    /// Why, in the engine's words.
    pub why: String,
}

impl Warmed {
    /// `3 of 41 apps break: acme/a, because …; …`; none where every app runs.
    pub fn breaks(&self) -> Option<String> {
        if self.broken.is_empty() {
            return None;
        }
        let each = self.broken.iter().map(|it| format!("{}, because {}", it.app, it.why));
        let verb = if self.broken.len() == 1 { "breaks" } else { "break" };
        Some(format!(
            "{} of {} {verb}: {}",
            self.broken.len(),
            counted(self.apps),
            each.collect::<Vec<_>>().join("; ")
        ))
    }
}

/// `1 app`, `41 apps`.
pub(crate) fn counted(apps: usize) -> String {
    if apps == 1 { "1 app".to_owned() } else { format!("{apps} apps") }
}

/// One line that `worker --prewarm` prints for each app: what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarmLine {
    /// The app.
    pub app: PackageName,
    /// Why the version cannot run it; none where it can.
    #[serde(default)]
    pub broken: Option<String>,
    /// Why nothing was learnt, where the machine is to blame.
    #[serde(default)]
    pub hindered: Option<String>,
}
