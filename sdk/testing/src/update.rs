//! Exchanges the running version for another as an update does: held, drained, copied, migrated,
//! checked, swapped, released; put back where any of it fails.

use newleaf_plugin_host::{
    App, LifecycleError,
    storage::{CopyError, restore, snapshot},
};

use crate::{StartError, TestApp, World};

/// How many requests wait during an update.
const WAITING_ROOM: usize = 4096;

/// Why an update failed. The old version runs again, on its own data.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The new version does not load.
    #[error("load the new version")]
    Load(#[from] StartError),
    /// The data cannot be copied or put back.
    #[error("copy the data")]
    Copy(#[from] CopyError),
    /// The new version's `migrate` or `health` failed.
    #[error("bring the data to the new version")]
    Lifecycle(#[from] LifecycleError),
}

impl World {
    /// Updates to `new`, whose data has schema `to`, from data of schema `from`.
    pub async fn update(&self, new: &TestApp, from: u32, to: u32) -> Result<(), UpdateError> {
        let app = self.load(new).await?;
        self.slot().hold(WAITING_ROOM);
        let result = self.exchange(app, from, to).await;
        self.slot().release();
        result
    }

    async fn exchange(&self, app: App, from: u32, to: u32) -> Result<(), UpdateError> {
        self.slot().drained().await;
        let (data, kept) = (self.data_dir(), self.folder().join("snapshot"));
        snapshot(&data, &kept)?;
        let migrated = bring(&app, from, to).await;
        if migrated.is_ok() {
            self.slot().swap(app);
        } else {
            app.quiesce().await;
            restore(&kept, &data)?;
        }
        std::fs::remove_dir_all(&kept).map_err(|source| CopyError::File {
            action: "remove",
            path: kept,
            source,
        })?;
        Ok(migrated?)
    }
}

async fn bring(app: &App, from: u32, to: u32) -> Result<(), LifecycleError> {
    if from != to {
        app.migrate(from, to).await?;
    }
    app.health().await
}
