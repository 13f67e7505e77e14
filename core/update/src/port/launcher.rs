//! The launcher: the one writer of `state` and the one appender of the journal.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use newleaf_domain::UpdateId;
use newleaf_launcher::journal::{Entry, Record};
use newleaf_launcher::proto::Ask;
use newleaf_launcher::state::State;

/// Asks for changes of `state` and journal, and tells of them.
#[async_trait]
pub trait Launcher: Send + Sync + std::fmt::Debug {
    /// Whether a host runs beside this process.
    fn reach(&self) -> Reach;

    /// What runs now.
    fn state(&self) -> Arc<State>;

    /// Appends a record; it is on disk when this returns.
    ///
    /// # Errors
    /// [`LauncherError`]; then nothing may be done that the record would have announced.
    async fn append(
        &self,
        update: Option<&UpdateId>,
        entry: Entry,
    ) -> Result<Record, LauncherError>;

    /// Changes `state`; the new one is on disk when this returns.
    ///
    /// # Errors
    /// [`LauncherError`]; `state` is as it was.
    async fn ask(&self, ask: Ask) -> Result<Arc<State>, LauncherError>;

    /// Every record after the one numbered `seq`, in order.
    ///
    /// # Errors
    /// The journal cannot be read.
    async fn records(&self, after: u64) -> Result<Vec<Record>, LauncherError>;

    /// Why what it has to write down cannot be, where that is so now: a full or failing disk.
    fn refuses(&self) -> Option<String> {
        None
    }

    /// Tells of records and changes from now on. A listener that falls behind may miss some, and
    /// reads the journal again where the numbers do not follow.
    fn subscribe(&self) -> BoxStream<'static, News>;
}

/// What the launcher tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A record was appended.
    Record(Box<Record>),
    /// `state` was replaced.
    State(Arc<State>),
    /// Something may have been missed: read the journal again.
    Missed,
}

/// Whether a host runs beside this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// A launcher runs; it carries a core update to its end.
    Host,
    /// No host runs; this process holds the lock, and a core update waits for the next start.
    Folder,
}

/// Why the launcher did not do as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LauncherError {
    /// It refused.
    #[error("the launcher refused: {why}")]
    Refused {
        /// Why, in one line.
        why: String,
    },
    /// It refused for now: the same may be granted a little later.
    #[error("the host is busy: {why}")]
    Busy {
        /// With what, in one line.
        why: String,
    },
    /// It is gone, and this process ends soon.
    #[error("the launcher is gone")]
    Gone,
    /// `state` or journal cannot be read or written.
    #[error("{what} failed: {detail}")]
    Io {
        /// What was tried.
        what: String,
        /// The system's answer.
        detail: String,
    },
}
