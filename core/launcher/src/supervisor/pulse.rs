//! Whether a serving worker still works, asked over its control socket. One that leaves the
//! question open hangs: it is ended, and what follows is what follows an exit.

use super::model::{Beat, QUESTIONS};
use super::turn::Turn;
use super::{Effect, Evidence, Exit, Stage, Timer, WorkerId};
use crate::proto::Pulse;

impl Turn {
    /// Remembers whether a worker can be asked.
    pub(super) fn hear(&mut self, id: WorkerId, pulse: Pulse) {
        let Some(worker) = self.model.workers.get_mut(&id) else { return };
        worker.beat = match pulse {
            Pulse::Answered => Beat::Heard,
            Pulse::Unknown => Beat::Unheard,
        };
    }

    /// Begins to ask a worker that serves from now on.
    pub(super) fn watch_pulse(&mut self, id: WorkerId) {
        if self.model.workers.get(&id).is_some_and(|worker| worker.beat != Beat::Unheard) {
            self.wake(Timer::Pulse(id), self.model.timing.pulse_every);
        }
    }

    /// Asks, or asks again, or gives up on a worker.
    pub(super) fn feel_pulse(&mut self, id: WorkerId) {
        let Some(worker) = self.model.workers.get_mut(&id) else { return };
        let open = match (worker.stage, worker.beat) {
            (Stage::Serving, Beat::Heard) => 0,
            (Stage::Serving, Beat::Missed(open)) => open,
            (Stage::Serving, Beat::Unheard)
            | (Stage::Starting | Stage::Probing | Stage::Draining, _) => return,
        };
        if open >= QUESTIONS {
            return self.hangs(id);
        }
        worker.beat = Beat::Missed(open + 1);
        self.push(Effect::Pulse(id));
        self.wake(Timer::Pulse(id), self.model.timing.hang_within / u32::from(QUESTIONS));
    }

    /// A worker answered.
    pub(super) fn pulse(&mut self, id: WorkerId) {
        let Some(worker) = self.model.workers.get_mut(&id) else { return };
        if let Beat::Missed(_) = worker.beat {
            worker.beat = Beat::Heard;
            self.watch_pulse(id);
            self.proven();
        }
    }

    fn hangs(&mut self, id: WorkerId) {
        self.push(Effect::Kill(id));
        let within = self.model.timing.hang_within.as_secs_f32();
        let how = format!("gave no sign of life for {within} s and was ended");
        self.exited(id, &Exit { how, evidence: Evidence::Release });
    }
}
