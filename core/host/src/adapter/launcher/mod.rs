//! The launcher: beside a worker over its socket, or this very process where no host runs.

mod folder;
mod worker;

use std::sync::{Arc, Mutex, PoisonError};

use newleaf_launcher::Layout;
use newleaf_launcher::journal::{Follower, Record};
use newleaf_launcher::proto::{Answer, Ground};
use newleaf_launcher::state::State;
use newleaf_update::port::LauncherError;

pub(crate) use folder::FolderLauncher;
pub(crate) use worker::WorkerLauncher;

use super::files::blocking;

/// The journal as this process reads it: each record once, for as many as ask.
#[derive(Debug, Clone)]
struct JournalReader(Arc<Mutex<Follower>>);

impl JournalReader {
    fn new(layout: &Layout) -> Self {
        Self(Arc::new(Mutex::new(Follower::new(layout))))
    }

    /// The journal's records after the one numbered `after`.
    async fn after(&self, after: u64) -> Result<Vec<Record>, LauncherError> {
        let follower = Arc::clone(&self.0);
        let read =
            blocking(move || follower.lock().unwrap_or_else(PoisonError::into_inner).after(after));
        read.await.map_err(|error| io("read the journal", &error))
    }
}

fn io(what: &str, error: &(dyn std::error::Error + 'static)) -> LauncherError {
    LauncherError::Io { what: what.to_owned(), detail: newleaf_update::explain::chain(error) }
}

const fn refused(why: String, ground: Ground) -> LauncherError {
    match ground {
        Ground::Moment => LauncherError::Busy { why },
        Ground::Request => LauncherError::Refused { why },
    }
}

/// The record that was appended.
fn appended(answer: Answer) -> Result<Record, LauncherError> {
    match answer {
        Answer::Appended { record } => Ok(*record),
        Answer::Refused { why, ground } => Err(refused(why, ground)),
        Answer::Changed { .. } => {
            Err(LauncherError::Refused { why: "it answered another question".to_owned() })
        }
    }
}

/// The state that took the place of the former one.
fn changed(answer: Answer) -> Result<Arc<State>, LauncherError> {
    match answer {
        Answer::Changed { state } => Ok(Arc::from(state)),
        Answer::Refused { why, ground } => Err(refused(why, ground)),
        Answer::Appended { .. } => {
            Err(LauncherError::Refused { why: "it answered another question".to_owned() })
        }
    }
}
