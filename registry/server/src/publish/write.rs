//! Works off the queue of signed files: writes each durably, in the order in which it was queued,
//! so that the timestamp comes last and names nothing that is not there. Then shows them, all at
//! once, to those who read from memory.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::BatchError;
use crate::db::{self, OutboxEntry};
use crate::durable::{self, Readers};
use crate::registry::Registry;

impl Registry {
    /// Writes everything that is queued.
    pub(super) async fn write_outbox(&self) -> Result<(), BatchError> {
        let mut written = Vec::new();
        let mut last = 0;
        while let Some(entry) = self.write_next(last).await? {
            last = entry.id;
            if let Some(name) = entry.path.strip_prefix("tuf/") {
                written.push((name.to_owned(), Bytes::from(entry.bytes)));
            }
        }
        if last == 0 {
            return Ok(());
        }
        self.tree.put(written)?;
        let mut transaction = self.db.write().await?;
        db::take_entry(&mut transaction, last).await?;
        transaction.commit().await.map_err(db::DbError::from)?;
        Ok(())
    }

    /// Writes the first queued file after the one numbered `after`.
    pub(super) async fn write_next(&self, after: i64) -> Result<Option<OutboxEntry>, BatchError> {
        let mut connection = self.db.read().await?;
        let Some(entry) = db::next_entry(&mut connection, after).await? else { return Ok(None) };
        let path = self.public_path(&entry.path);
        let entry = Arc::new(entry);
        let writing = Arc::clone(&entry);
        on_disk(move || durable::write(&path, &writing.bytes, Readers::All)).await??;
        Ok(Arc::into_inner(entry))
    }

    /// Gives an upload its public name.
    pub(super) async fn publish_object(&self, from: PathBuf, path: &str) -> Result<(), BatchError> {
        let to = self.public_path(path);
        on_disk(move || durable::publish(&from, &to)).await??;
        Ok(())
    }
}

/// Runs blocking work where it holds nobody up.
pub(super) async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, BatchError> {
    tokio::task::spawn_blocking(work).await.map_err(BatchError::Task)
}
