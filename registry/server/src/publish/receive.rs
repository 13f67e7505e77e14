//! Takes a role that was sent, and waits for what becomes of it.

use newleaf_registry_api::{NamePattern, Submission};
use newleaf_trust::role::MetadataVersion;
use tokio::time::{Instant, timeout_at};

use crate::db::{self, Db, DbError, SubmitError};
use crate::registry::Registry;

/// What happened to a role on its arrival.
#[derive(Debug)]
pub(crate) enum Receipt {
    /// It waits to be checked, under this number.
    Queued(i64),
    /// The very same file is current already; the sender has missed the answer.
    Current,
}

/// Why a role was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReceiveError {
    /// It does not follow the current version.
    #[error("{role} is at version {current}, so {sent} cannot be its next version")]
    Conflict {
        /// The role.
        role: String,
        /// The version that was sent.
        sent: u64,
        /// The current one; 0 for none.
        current: u64,
    },
    /// Another sender's file of that version is being checked; she was first.
    #[error("another sender's version {sent} of {role} is being checked")]
    Pending {
        /// The role.
        role: String,
        /// The version that was sent.
        sent: u64,
        /// The current one; 0 for none.
        current: u64,
    },
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Queues version N+1 of a role whose current version is N, exactly.
pub(crate) async fn receive(
    db: &Db,
    role: &str,
    version: MetadataVersion,
    names: &NamePattern,
    file: &[u8],
    now: newleaf_domain::Timestamp,
) -> Result<Receipt, ReceiveError> {
    let mut transaction = db.write().await?;
    let current = db::role(&mut transaction, role).await?;
    if current.is_some_and(|current| current.version == version && current.file == file) {
        return Ok(Receipt::Current);
    }
    let submitted = db::submit(&mut transaction, role, version, names, file, now).await;
    let id = submitted.map_err(|error| match error {
        SubmitError::Conflict { sent, current } => {
            ReceiveError::Conflict { role: role.to_owned(), sent, current }
        }
        SubmitError::Pending { sent, current } => {
            ReceiveError::Pending { role: role.to_owned(), sent, current }
        }
        SubmitError::Db(error) => ReceiveError::Db(error),
    })?;
    transaction.commit().await.map_err(DbError::from)?;
    Ok(Receipt::Queued(id))
}

/// The submission numbered `id` once it is decided, or as it is at `deadline`.
pub(crate) async fn decision(
    registry: &Registry,
    id: i64,
    deadline: Instant,
) -> Result<Option<Submission>, DbError> {
    let mut batches = registry.batches.subscribe();
    loop {
        let submission = db::submission(&mut *registry.db.read().await?, id).await?;
        let is_decided = submission.as_ref().is_none_or(|found| found.state.is_decided());
        if is_decided || timeout_at(deadline, batches.changed()).await.is_err() {
            return Ok(submission);
        }
    }
}
