//! Finds the update of core that a crash left open in the journal.

use newleaf_domain::{Digest, Target, UpdateId, Version};

use super::{Entry, Record, StepId};
use crate::state::Way;

/// An update of core that began and has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// Which.
    pub update: UpdateId,
    /// The version to come.
    pub to: Version,
    /// SHA-256 of its signed zip.
    pub digest: Digest,
    /// Forward or back.
    pub way: Way,
    /// The step that was begun last.
    pub step: Option<StepId>,
    /// What failed, where something did.
    pub failed: Option<String>,
}

impl Unfinished {
    /// Whether the way back was already taken.
    pub fn is_rolling_back(&self) -> bool {
        self.step == Some(StepId::Rollback)
    }
}

/// The last update of core, where it has not ended.
pub fn unfinished_core(records: impl Iterator<Item = Record>) -> Option<Unfinished> {
    records.fold(None, |open, Record { update, entry, .. }| follow(open, update, entry))
}

fn follow(open: Option<Unfinished>, update: Option<UpdateId>, entry: Entry) -> Option<Unfinished> {
    match (entry, update) {
        (Entry::Began { target: Target::Core, to, digest, way, .. }, Some(update)) => {
            Some(Unfinished { update, to, digest, way, step: None, failed: None })
        }
        (entry, Some(update)) if open.as_ref().is_some_and(|open| open.update == update) => {
            open.and_then(|open| advance(open, entry))
        }
        _ => open,
    }
}

fn advance(open: Unfinished, entry: Entry) -> Option<Unfinished> {
    match entry {
        Entry::Started { step } => Some(Unfinished { step: Some(step), ..open }),
        Entry::Failed { failure, .. } => Some(Unfinished { failed: Some(failure.what), ..open }),
        Entry::Ended { .. } => None,
        Entry::Began { .. } | Entry::Finished { .. } | Entry::Notice { .. } | Entry::Unknown => {
            Some(open)
        }
    }
}
