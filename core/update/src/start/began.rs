//! The first record of an update.

use std::sync::Arc;

use newleaf_domain::{Digest, PlanId, Target, UpdateId, Version};
use newleaf_launcher::journal::Entry;
use newleaf_launcher::state::Way;
use newleaf_plan::Change;

use crate::Updater;
use crate::run::Context;

/// The first record of an update.
#[derive(Debug)]
pub(crate) struct Began {
    pub(super) target: Target,
    pub(super) from: Option<Version>,
    pub(super) to: Version,
    pub(super) digest: Digest,
    pub(super) plan: PlanId,
    pub(super) way: Way,
    pub(super) by: String,
}

impl Began {
    /// The record of a planned change.
    pub(crate) fn of(change: &Change, plan: PlanId, by: String) -> Self {
        Self {
            target: change.target.clone(),
            from: change.from.clone(),
            to: change.to.clone(),
            digest: change.digest,
            plan,
            way: Way::Forward,
            by,
        }
    }

    pub(super) fn context(&self, updater: Arc<Updater>, id: UpdateId) -> Context {
        let (target, from, to) = (self.target.clone(), self.from.clone(), self.to.clone());
        Context { updater, id, target, from, to, way: self.way }
    }

    pub(super) fn entry(self) -> Entry {
        let Self { target, from, to, digest, plan, way, by } = self;
        Entry::Began { target, from, to, digest, plan, way, by }
    }
}
