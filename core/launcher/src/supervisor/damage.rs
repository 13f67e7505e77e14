//! The good version's program is damaged on disk: the version before serves in its place, or the
//! recovery page says what mends it.

use super::model::{RECOVERY_AFTER, StandIn};
use super::turn::Turn;
use super::{Which, WorkerId};
use crate::state::{CoreSlot, Trial};

impl Turn {
    /// The good version was not started, since its program is not the one that was staged.
    pub(super) fn good_is_damaged(&mut self, how: &str) {
        if let Some(previous) = self.stand_in() {
            self.let_stand_in(previous, how);
        } else {
            // The next start finds the same, unless a person mends it: the page says so at once.
            self.page_is_next();
            let good = self.model.state.core.good.clone();
            self.good_failed(&good, how);
        }
    }

    fn page_is_next(&mut self) {
        self.model.quick = self.model.quick.max(RECOVERY_AFTER - 1);
        self.model.failures = self.model.failures.max(1);
    }

    /// The version before, where it reads the data, this launcher can speak to it, and it is not on
    /// trial itself, nor failed there by its own fault.
    pub(super) fn stand_in(&self) -> Option<CoreSlot> {
        let core = &self.model.state.core;
        let is_cleared = |trial: &Trial| self.model.going_back.is_some() && trial.tries > 0;
        let tried = core.trial.as_ref().filter(|trial| !is_cleared(trial));
        let tried = tried.map(|trial| trial.slot.digest);
        let reads = |slot: &CoreSlot| slot.schema >= core.good.oldest_reader;
        let spoken = |slot: &CoreSlot| slot.protocol <= self.model.protocol;
        let fits = |slot: &CoreSlot| reads(slot) && spoken(slot) && tried != Some(slot.digest);
        core.previous.clone().filter(fits)
    }

    /// Starts the version before. What is good stays so until that one is up.
    pub(super) fn let_stand_in(&mut self, slot: CoreSlot, how: &str) {
        let gone = &self.model.state.core.good.version;
        let instead_of = format!("{gone}, which {how}");
        self.notice(format!("{gone} {how}; {} is started in its place", slot.version));
        self.model.stands_in = Some(StandIn { slot: slot.clone(), instead_of });
        self.spawn(Which::Good, slot);
    }

    /// A stand-in that is up is good from now on. What could not start is kept as the one before;
    /// it is not bad: it has proved itself, is offered again, and unpacked anew.
    pub(super) fn stand_in_came_up(&mut self, id: WorkerId) {
        let Some(worker) = self.model.workers.get(&id) else { return };
        let digest = worker.slot.digest;
        let up = self.model.stands_in.take_if(|stand_in| stand_in.slot.digest == digest);
        let Some(StandIn { slot, instead_of }) = up else { return };
        let reason = format!("{} serves in the place of {instead_of}", slot.version);
        let told = reason.clone();
        self.write(|state| {
            let damaged = state.core.make_good(slot);
            state.core.previous = Some(damaged);
            state.core.forget_launchers();
            state.core.stand_in = Some(reason);
        });
        self.notice(told);
    }

    /// A stand-in that fails leaves nothing to start: what to say of it, where `slot` is one. The
    /// next turn looks at the good version again, which may be mended by then; one whose launcher
    /// was tried in vain is not looked at.
    pub(super) fn stand_in_failed(&mut self, slot: &CoreSlot) -> Option<String> {
        let stands_in = self.model.stands_in.as_ref()?;
        if stands_in.slot.digest != slot.digest {
            return None;
        }
        let instead_of = stands_in.instead_of.clone();
        if self.model.may_start_good() {
            self.model.stands_in = None;
        }
        self.page_is_next();
        Some(format!("it was to serve in the place of {instead_of}"))
    }
}
