//! Versions that serve nobody any more and whose requests have not all ended: known until then, so
//! that no data is copied, moved or exchanged under one that still writes. Decides nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use newleaf_domain::PackageName;
use newleaf_plugin_host::{Cut, Slot};

use super::Apps;

/// How long the instances of requests that were cut may take to be gone.
pub(super) const GONE_WITHIN: Duration = Duration::from_secs(5);

/// The slots that were closed, until nothing of their apps runs.
#[derive(Debug, Default)]
pub(super) struct Leaving(Mutex<Vec<(PackageName, Arc<Slot>)>>);

impl Leaving {
    fn of(&self, app: &PackageName) -> Vec<Arc<Slot>> {
        let all = self.lock();
        all.iter().filter(|(name, _)| name == app).map(|(_, slot)| Arc::clone(slot)).collect()
    }

    fn forget(&self, gone: &Arc<Slot>) {
        self.lock().retain(|(_, slot)| !Arc::ptr_eq(slot, gone));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(PackageName, Arc<Slot>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Apps {
    /// Serves nobody in `slot` any more, and keeps sight of what still runs in it.
    pub(super) fn dismiss(&self, app: &PackageName, slot: Arc<Slot>) {
        self.0.leaving.lock().push((app.clone(), Arc::clone(&slot)));
        // Those who wait are told at once: whoever is woken finds the new standing.
        slot.close();
        let apps = self.clone();
        tokio::spawn(async move {
            slot.drained().await;
            apps.0.leaving.forget(&slot);
        });
    }

    /// Gives what still runs of versions that serve nobody `within` to end, cuts it, and takes the
    /// data from them for good.
    pub(super) async fn see_off(&self, app: &PackageName, within: Duration) -> Cut {
        let mut all = Cut::default();
        for slot in self.0.leaving.of(app) {
            let patience = self.0.holding.client_within.min(within / 2);
            let drained = slot.drained_within(patience, within);
            if let Ok(Cut { clients, late }) =
                tokio::time::timeout(within + GONE_WITHIN, drained).await
            {
                all.clients.extend(clients);
                all.late.extend(late);
            } else {
                let version = slot.app().version().clone();
                tracing::warn!(%app, %version, "requests still run: the data is taken from them");
            }
            slot.app().take_data_away().await;
            self.0.leaving.forget(&slot);
        }
        all
    }
}
