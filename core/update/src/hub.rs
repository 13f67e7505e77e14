//! Live progress for whoever watches. Low priority: a listener that falls behind misses some of
//! it, and loses no record. Also tells of updates that were broken off, and why.

use std::collections::BTreeMap;
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
    interrupted: watch::Sender<BTreeMap<UpdateId, String>>,
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
            interrupted: watch::Sender::default(),
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

    /// The update stands still with records that could not be written, for the reason `why`.
    pub(crate) fn interrupt(&self, update: &UpdateId, why: String) {
        self.interrupted.send_modify(|all| {
            all.insert(update.clone(), why);
        });
    }

    /// The update goes on, or is over.
    pub(crate) fn take_up(&self, update: &UpdateId) {
        self.interrupted.send_if_modified(|all| all.remove(update).is_some());
    }

    /// What is not open any more does not stand still either.
    pub(crate) fn keep_only(&self, open: Option<&UpdateId>) {
        self.interrupted.send_if_modified(|all| {
            let before = all.len();
            all.retain(|update, _| Some(update) == open);
            all.len() < before
        });
    }

    /// Why an update stands still; none where it does not.
    pub(crate) fn interruption(&self, update: &UpdateId) -> Option<String> {
        self.interrupted.borrow().get(update).cloned()
    }

    /// Hears of each update that is interrupted; those before are known at once.
    pub(crate) fn interruptions(&self) -> watch::Receiver<BTreeMap<UpdateId, String>> {
        self.interrupted.subscribe()
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
