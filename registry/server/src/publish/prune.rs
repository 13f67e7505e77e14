//! Removes what nobody needs any more: role files that were replaced a while ago, and uploads that
//! no role ever listed. Targets and roots stay for ever.

use std::time::Duration;

use super::BatchError;
use super::write::on_disk;
use crate::db::{self, DbError};
use crate::registry::Registry;

/// A replaced file stays for those in the middle of a refresh and for mirrors that lag: 7 days.
const KEEP_SECONDS: i64 = 7 * 86_400;

/// An upload waits this long for its role.
const KEEP_UPLOADS: Duration = Duration::from_hours(7 * 24);

impl Registry {
    /// Removes replaced files and forgotten uploads.
    pub(super) async fn prune(&self) -> Result<(), BatchError> {
        let limit = self.now().plus_seconds(-KEEP_SECONDS);
        let paths = db::superseded_before(&mut *self.db.read().await?, limit).await?;
        let names = paths.iter().filter_map(|path| path.strip_prefix("tuf/")).map(str::to_owned);
        self.tree.remove(&names.collect::<Vec<_>>());
        for path in paths {
            self.remove_public(&path).await?;
            let mut transaction = self.db.write().await?;
            db::forget_superseded(&mut transaction, &path).await?;
            transaction.commit().await.map_err(DbError::from)?;
        }
        let pruned = self.objects.prune(KEEP_UPLOADS).await;
        pruned.map_err(|source| BatchError::Read {
            what: "the folder of uploads".to_owned(),
            source,
        })?;
        Ok(())
    }

    async fn remove_public(&self, path: &str) -> Result<(), BatchError> {
        let file = self.public_path(path);
        let removed = on_disk(move || std::fs::remove_file(file)).await?;
        match removed {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(BatchError::Read { what: path.to_owned(), source })
            }
            _ => Ok(()),
        }
    }
}
