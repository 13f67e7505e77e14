//! The good version's program is damaged on disk: the version before serves in its place, or the
//! recovery page says what mends it.

use super::model::RECOVERY_AFTER;
use super::turn::Turn;
use crate::ask::mark_bad;
use crate::state::{BadRelease, CoreSlot};

impl Turn {
    /// The good version was not started, since its program is not the one that was staged.
    pub(super) fn good_is_damaged(&mut self, how: &str) {
        if let Some(previous) = self.stand_in() {
            self.let_stand_in(previous, how, None);
        } else {
            // The next start finds the same, unless a person mends it: the page says so at once.
            self.model.quick = self.model.quick.max(RECOVERY_AFTER - 1);
            self.model.failures = self.model.failures.max(1);
            self.good_failed(how);
        }
    }

    /// The version before, where it reads the data and is not on trial itself.
    pub(super) fn stand_in(&self) -> Option<CoreSlot> {
        let core = &self.model.state.core;
        let tried = core.trial.as_ref().map(|trial| trial.slot.digest);
        let reads = |slot: &CoreSlot| slot.schema >= core.good.oldest_reader;
        core.previous.clone().filter(|slot| reads(slot) && tried != Some(slot.digest))
    }

    /// A damaged version is not bad: it is offered again, and unpacked anew.
    pub(super) fn let_stand_in(&mut self, previous: CoreSlot, how: &str, bad: Option<&BadRelease>) {
        let core = &mut self.model.state.core;
        let damaged = std::mem::replace(&mut core.good, previous);
        core.previous = None;
        core.launcher_tries = 0;
        let (here, gone) = (&core.good.version, &damaged.version);
        let reason = format!("{here} serves in the place of {gone}, which {how}");
        core.stand_in = Some(reason.clone());
        self.notice(reason);
        self.spawn_good();
        self.write(|state| mark_bad(state, bad));
    }
}
