//! Live progress for whoever watches. Low priority: a listener that falls behind misses some of
//! it, and loses no record. Also tells of updates whose end nobody will record.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use newleaf_domain::UpdateId;
use newleaf_launcher::journal::StepId;
use tokio::sync::{broadcast, watch};

use crate::view::Progress;

/// How much unread progress a slow listener may have.
const BACKLOG: usize = 64;

/// Where steps report how far they are.
#[derive(Debug)]
pub(crate) struct Hub {
    sender: broadcast::Sender<Told>,
    latest: Mutex<Option<Told>>,
    abandoned: watch::Sender<BTreeSet<UpdateId>>,
}

/// How far a step of an update is.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) update: UpdateId,
    pub(crate) step: StepId,
    pub(crate) progress: Progress,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            sender: broadcast::channel(BACKLOG).0,
            latest: Mutex::new(None),
            abandoned: watch::Sender::default(),
        }
    }
}

impl Hub {
    pub(crate) fn tell(&self, told: Told) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(told.clone());
        // Nobody listens: fine, the latest is kept for who comes.
        let _ = self.sender.send(told);
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<Told> {
        self.sender.subscribe()
    }

    /// The disk does not take the end of an update: it stays open until the next start.
    pub(crate) fn abandon(&self, update: &UpdateId) {
        self.abandoned.send_modify(|all| {
            all.insert(update.clone());
        });
    }

    /// Hears of each update that is abandoned; those before are known at once.
    pub(crate) fn abandoned(&self) -> watch::Receiver<BTreeSet<UpdateId>> {
        self.abandoned.subscribe()
    }

    /// The newest progress of `step`, for those who look late.
    pub(crate) fn latest(&self, update: &UpdateId, step: StepId) -> Option<Progress> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest
            .as_ref()
            .filter(|told| told.update == *update && told.step == step)
            .map(|told| told.progress)
    }
}
