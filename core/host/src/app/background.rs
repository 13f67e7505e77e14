//! What a worker does by itself, once it holds the baton and until it is told to drain: clears up
//! after a crash and what the disk interrupted, goes on with a plan of several hops, looks at the repository, removes what nobody
//! needs any more, ends *Undo* of core at its date, keeps the table of updates.

use std::sync::Arc;
use std::time::Duration;

use newleaf_launcher::journal::Entry;
use newleaf_update::explain::chain;
use newleaf_update::{Checks, LeftBehind, UndoStands, Updater};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::adapter::{Apps, follow_history};
use crate::worker::{News, WorkerContext};

/// How often the repository is looked at: an hour, as often as its timestamp is signed anew.
const CHECK_EVERY: Duration = Duration::from_hours(1);

/// How often it is asked whether *Undo* has expired, at the least: an update that ends moves its
/// date.
const UNDO_EVERY: Duration = Duration::from_mins(10);

/// Starts it all.
pub(super) fn start(updater: &Arc<Updater>, worker: &WorkerContext, apps: &Apps) {
    tokio::spawn(live(Arc::clone(updater), worker.clone(), apps.clone()));
}

async fn live(updater: Arc<Updater>, worker: WorkerContext, apps: Apps) {
    let (news, also) = (worker.control.subscribe(), worker.control.subscribe());
    if !worker.control.baton().await {
        return;
    }
    let found = updater.recover().await;
    match &found {
        Ok(found) => tracing::info!(?found, "interrupted updates are looked after"),
        Err(error) => {
            tracing::error!(error = chain(error), "what was interrupted is not cleared up yet");
        }
    }
    tokio::select! {
        () = Arc::clone(&updater).keep_mending(found) => {}
        () = check(&updater) => {}
        () = end_undo(&updater) => {}
        () = tidy(&updater, &apps, news) => {}
        () = update_by_itself(&updater, worker.control.subscribe()) => {}
        () = Arc::clone(&updater).keep_going(LeftBehind::TakeUp) => {}
        () = follow_history(&worker.db, &updater, also) => {}
        () = worker.shutdown.begun() => {}
    }
}

/// Begins what may begin without anyone being asked, after each update that ended: it kept the host
/// busy, or has left an app behind. What failed is tried again once its wait is over.
async fn update_by_itself(updater: &Arc<Updater>, mut news: Receiver<News>) {
    loop {
        let wait = updater.tries_again_in();
        tokio::select! {
            more = ended(&mut news) => if more.is_none() { return },
            () = over(wait) => {}
        }
        begin_by_itself(updater).await;
    }
}

/// Waits for so long; for ever where there is nothing to wait for.
async fn over(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

async fn begin_by_itself(updater: &Arc<Updater>) {
    if let Some(update) = updater.by_itself().await {
        tracing::info!(%update, "an update is begun by itself");
    }
}

async fn check(updater: &Arc<Updater>) {
    if let Err(error) = updater.note_checks().await {
        tracing::warn!(error = chain(&error), "nothing is noted of checks");
    }
    if updater.settings().checks == Checks::Off {
        tracing::info!("checks for updates are off: nobody looks by itself");
        return std::future::pending().await;
    }
    loop {
        if let Err(error) = updater.check().await {
            tracing::warn!(error = chain(&error), "the repository was not read");
        }
        begin_by_itself(updater).await;
        tokio::time::sleep(CHECK_EVERY).await;
    }
}

/// Takes away what only the version before needs, once it cannot be gone back to any more.
async fn end_undo(updater: &Updater) {
    loop {
        let wait = match updater.end_undo().await {
            Ok(UndoStands::Open { left }) => left.min(UNDO_EVERY),
            Ok(UndoStands::Settled) => UNDO_EVERY,
            Ok(UndoStands::Ended { schema }) => {
                tracing::info!(schema, "Undo of core has expired");
                UNDO_EVERY
            }
            Err(error) => {
                tracing::warn!(error = chain(&error), "Undo of core was not ended");
                UNDO_EVERY
            }
        };
        tokio::time::sleep(wait).await;
    }
}

/// Clears up after each update that ended.
async fn tidy(updater: &Updater, apps: &Apps, mut news: Receiver<News>) {
    loop {
        if let Err(error) = updater.tidy().await {
            tracing::warn!(error = chain(&error), "something old was not removed");
        }
        if matches!(updater.running().await, Ok(None)) {
            apps.sweep_code(&updater.state()).await;
        }
        if ended(&mut news).await.is_none() {
            return;
        }
    }
}

/// Waits for the end of an update; none where no more news come.
async fn ended(news: &mut Receiver<News>) -> Option<()> {
    loop {
        match news.recv().await {
            Ok(News::Record(record)) if matches!(record.entry, Entry::Ended { .. }) => {
                return Some(());
            }
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
    }
}
