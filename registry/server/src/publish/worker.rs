//! The one task that publishes: a batch at every beat, and once a day the files nobody needs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::log::chain;
use crate::registry::Registry;

/// Files are looked through for pruning this often.
const PRUNE_EVERY: Duration = Duration::from_hours(24);

/// Runs until `stop` becomes true, and finishes the batch it is in. A batch that fails is logged
/// and tried again at the next beat: what it decided is kept in the database.
pub async fn work(registry: Arc<Registry>, mut stop: watch::Receiver<bool>) {
    let mut beat = interval(registry.settings.batch());
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut prune_at = Instant::now();
    loop {
        tokio::select! {
            _ = beat.tick() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        if let Err(error) = registry.run_batch().await {
            tracing::error!(error = chain(&error), "batch failed; trying again");
        }
        if Instant::now() >= prune_at {
            prune_at = Instant::now() + PRUNE_EVERY;
            if let Err(error) = registry.prune().await {
                tracing::error!(error = chain(&error), "pruning failed; trying again tomorrow");
            }
        }
    }
}
