//! Live progress for whoever watches. Low priority: a listener that falls behind misses some of
//! it, and loses no record.

use std::sync::{Mutex, PoisonError};

use newleaf_domain::UpdateId;
use newleaf_launcher::journal::StepId;
use tokio::sync::broadcast;

use crate::view::Progress;

/// How much unread progress a slow listener may have.
const BACKLOG: usize = 64;

/// Where steps report how far they are.
#[derive(Debug)]
pub(crate) struct Hub {
    sender: broadcast::Sender<Told>,
    latest: Mutex<Option<Told>>,
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
        Self { sender: broadcast::channel(BACKLOG).0, latest: Mutex::new(None) }
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

    /// The newest progress of `step`, for those who look late.
    pub(crate) fn latest(&self, update: &UpdateId, step: StepId) -> Option<Progress> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest
            .as_ref()
            .filter(|told| told.update == *update && told.step == step)
            .map(|told| told.progress)
    }
}
