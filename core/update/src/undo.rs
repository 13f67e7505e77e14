//! *Undo* of core and its end: until its date nothing is taken away that the version before needs;
//! then what only that version needs goes, and it cannot be gone back to any more.

use std::time::Duration;

use newleaf_domain::{Target, Timestamp};
use newleaf_launcher::journal::{Ending, Entry};
use newleaf_launcher::proto::Ask;
use newleaf_launcher::state::{CorePhase, State};

use crate::Updater;
use crate::port::{LauncherError, StoreError};
use crate::view::HistoryEntry;

/// Why *Undo* was not ended. It is tried again later, and the next update of core does it too.
#[derive(Debug, thiserror::Error)]
pub enum EndUndoError {
    /// The journal cannot be read or written.
    #[error("note the end of Undo in the journal")]
    Launcher(#[source] LauncherError),
    /// The database.
    #[error("take away what only the version before needs")]
    Store(#[source] StoreError),
}

/// How *Undo* of core stands after it was asked whether it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UndoStands {
    /// It was ended just now: the data needs a program of this schema or newer.
    Ended {
        /// The schema.
        schema: u32,
    },
    /// It is kept possible for so long.
    Open {
        /// Until its date.
        left: Duration,
    },
    /// Nothing has to end, or an update runs.
    Settled,
}

impl Updater {
    /// Until when core's version before is kept possible; none where nothing would be taken away
    /// that it needs, or where the journal does not say when it was replaced.
    pub(crate) async fn undo_until(
        &self,
        state: &State,
        history: &[HistoryEntry],
    ) -> Result<Option<Timestamp>, StoreError> {
        let Some(until) = self.undo_date(state, history) else { return Ok(None) };
        let due = self.ports().store.has_to_contract(state.core.good.schema).await?;
        Ok(due.then_some(until))
    }

    fn undo_date(&self, state: &State, history: &[HistoryEntry]) -> Option<Timestamp> {
        let (good, previous) = (&state.core.good, state.core.previous.as_ref()?);
        if previous.schema >= good.schema {
            return None;
        }
        let replaced = history.iter().find(|entry| {
            entry.target.target == Target::Core
                && entry.ending == Some(Ending::Committed)
                && entry.target.to == good.version
        });
        let kept = i64::try_from(self.settings().undo_for.as_secs()).unwrap_or(i64::MAX);
        Some(replaced?.ended?.plus_seconds(kept))
    }

    /// Takes away what only versions before the good one need, once *Undo* has expired by a clock
    /// that is to be believed; from then on the database says which schema may still read it.
    ///
    /// # Errors
    /// [`EndUndoError`]; what was begun is undone whole.
    pub async fn end_undo(&self) -> Result<UndoStands, EndUndoError> {
        let _door = self.starting().lock().await;
        let state = self.state();
        let history = self.history().await.map_err(EndUndoError::Launcher)?;
        let running = self.running().await.map_err(EndUndoError::Launcher)?;
        if running.is_some() || state.core.phase != CorePhase::Idle {
            return Ok(UndoStands::Settled);
        }
        let until = self.undo_until(&state, &history).await.map_err(EndUndoError::Store)?;
        let Some(until) = until else { return Ok(UndoStands::Settled) };
        let left = u64::try_from(until.seconds_since(self.ports().clock.now())).unwrap_or(0);
        let left = Duration::from_secs(left).max(self.doubted_for(self.settings().undo_for));
        if !left.is_zero() {
            return Ok(UndoStands::Open { left });
        }
        let schema = state.core.good.schema;
        let before = state.core.previous.as_ref().map(|slot| slot.version.to_string());
        let text = format!(
            "Undo of core to {} has expired: what only it needs is taken away, and the data needs a \
             program of schema {schema} or newer",
            before.unwrap_or_default()
        );
        let launcher = &self.ports().launcher;
        launcher.append(None, Entry::Notice { text }).await.map_err(EndUndoError::Launcher)?;
        self.ports().store.contract(schema).await.map_err(EndUndoError::Store)?;
        let reader = self.ports().store.core_reader().await.map_err(EndUndoError::Store)?;
        if let Some(oldest_reader) = reader {
            // What stands in for a damaged version is chosen by it. An older launcher does not know
            // the request; it is told at the next start.
            let told = launcher.ask(Ask::Contracted { oldest_reader }).await;
            if let Err(error) = told {
                tracing::warn!("the launcher does not know of the contracted database: {error}");
            }
        }
        Ok(UndoStands::Ended { schema })
    }
}
