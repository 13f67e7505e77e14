//! Orders of a person on the recovery page. They are heard while no version serves, and do nothing
//! that an update does not do: the version before is tried and watched as any other.

use newleaf_domain::{PlanId, Target, UpdateId};

use super::turn::Turn;
use super::{Effect, Reply};
use crate::ask;
use crate::journal::{Ending, Entry, StepId};
use crate::proto::{Ask, Repair};
use crate::state::{CorePhase, CoreSlot, State, Way};

/// Who asked, as the history names it.
const BY: &str = "recovery";

impl Turn {
    pub(super) fn ordered(&mut self, id: u64, repair: Repair) {
        let serving = self.model.serving().and_then(|id| self.model.workers.get(&id));
        if let Some(worker) = serving {
            let why = format!("core {} serves", worker.slot.version);
            self.push(Effect::AnswerOrder { id, reply: Reply::Refused(why) });
            return;
        }
        match repair {
            Repair::TryAgain => self.try_good_again(id),
            Repair::StartPrevious { update, plan } => self.start_previous(id, &update, plan),
        }
    }

    /// A version that starts already is not started twice.
    fn try_good_again(&mut self, id: u64) {
        let version = &self.model.state.core.good.version;
        let text = format!("{version} is started again, as ordered on the recovery page");
        self.append(None, Entry::Notice { text });
        self.push(Effect::AnswerOrder { id, reply: Reply::Appended });
        self.spawn_good();
    }

    /// Point A of a way back that begins with the version before stopped, not serving.
    fn start_previous(&mut self, id: u64, update: &UpdateId, plan: PlanId) {
        let idle = self.without_way_back();
        let (previous, next) = match self.way_back(&idle, update) {
            Ok(way) => way,
            Err(why) => {
                self.push(Effect::AnswerOrder { id, reply: Reply::Refused(why) });
                return;
            }
        };
        self.give_up_way_back(idle);
        let began = Entry::Began {
            target: Target::Core,
            from: Some(self.model.state.core.good.version.clone()),
            to: previous.version,
            digest: previous.digest,
            plan,
            way: Way::Back,
            by: BY.to_owned(),
        };
        self.append(Some(update), began);
        self.started(update, StepId::Activate);
        self.replace(next);
        self.push(Effect::AnswerOrder { id, reply: Reply::Changed });
        self.try_trial("it was never started");
    }

    /// The state without a way back that waits for the good version: nobody serves, so it has not
    /// come up, and may never do.
    fn without_way_back(&self) -> State {
        let mut state = self.model.state.clone();
        if self.model.going_back.is_some() {
            state.core.trial = None;
            state.core.phase = CorePhase::Idle;
            state.seq += 1;
        }
        state
    }

    /// Ends that way back. Whether the version on trial is to blame was not found out.
    fn give_up_way_back(&mut self, idle: State) {
        if let (Some(trial), Some(back)) = (self.trial(), self.model.going_back.take()) {
            let good = idle.core.good.version.clone();
            self.replace(idle);
            self.done(&trial.update, StepId::Rollback, format!("{good} did not come up"));
            self.ended(&trial.update, Ending::RolledBack, Some(back.reason));
        }
    }

    /// The version before and the state that arms it, or why it cannot be started.
    fn way_back(&self, idle: &State, update: &UpdateId) -> Result<(CoreSlot, State), String> {
        let core = &idle.core;
        let Some(slot) = core.previous.clone() else {
            return Err("there is no version before".to_owned());
        };
        let (needs, has) = (core.good.oldest_reader, slot.schema);
        if has < needs {
            return Err(format!(
                "core {} has schema {has}, and the data can be read from schema {needs} on",
                slot.version
            ));
        }
        let ask = Ask::Arm {
            update: update.clone(),
            slot: Box::new(slot.clone()),
            way: Way::Back,
            expand_within_ms: None,
        };
        ask::apply(idle, &ask, self.model.timing.tries)
            .map(|next| (slot, next))
            .map_err(|refusal| refusal.to_string())
    }
}
