//! Whom a statement is charged to, and when it has had enough: looked at every few steps of SQLite's
//! virtual machine.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::super::spill::{Room, Spill};
use crate::{
    engine::TICK,
    lane::Slice,
    meter::{Budget, Meter},
};

/// Time between two looks that is charged as it passed. Where it was longer, the thread may have
/// waited for another's write, and the kernel is asked what it has worked.
const SHORT_STEP: Duration = Duration::from_millis(1);

/// Whom a statement is charged to, and what it has used.
#[derive(Debug)]
pub(super) struct Charge {
    meter: Arc<Meter>,
    /// The last look.
    last: Instant,
    /// What the thread had worked when the kernel was asked last, and what was charged since.
    worked: Duration,
    charged: Duration,
    /// What was charged since the request last waited for a slice, and that slice.
    since_slice: Duration,
    slice: Option<Slice>,
    spill: Spill,
}

/// Whether a statement may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// It may.
    GoOn,
    /// Its processor time is used up, or nobody waits for it any more.
    Spent,
    /// Its temporary files have outgrown their room.
    Spilled,
}

impl Charge {
    /// Charges the thread that calls to `meter` from now on, and its temporary files to `room`.
    pub(super) fn new(meter: &Arc<Meter>, room: &Arc<Room>) -> Self {
        Self {
            meter: meter.clone(),
            last: Instant::now(),
            worked: worked_by_this_thread(),
            charged: Duration::ZERO,
            since_slice: Duration::ZERO,
            slice: None,
            spill: Spill::new(room),
        }
    }

    /// Charges the time since the last look.
    pub(super) fn look(&mut self) -> Look {
        let now = Instant::now();
        let used = self.used_until(now);
        if self.spill.is_too_much(now) {
            return Look::Spilled;
        }
        if self.meter.charge(used) != Budget::Left {
            return Look::Spent;
        }
        self.pace(used);
        Look::GoOn
    }

    /// Charges what was worked since the last look, and nothing more.
    pub(super) fn end(mut self) {
        let used = self.used_until(Instant::now());
        self.meter.charge(used);
    }

    /// What the statement has worked since the last look. SQLite does much in one step: a search
    /// through some megabytes takes a second, in which nobody looks.
    fn used_until(&mut self, now: Instant) -> Duration {
        let passed = now.saturating_duration_since(self.last);
        self.last = now;
        if passed <= SHORT_STEP {
            self.charged += passed;
            return passed;
        }
        let worked = worked_by_this_thread();
        let used = worked.saturating_sub(self.worked).saturating_sub(self.charged);
        (self.worked, self.charged) = (worked, Duration::ZERO);
        used
    }

    /// Lets others have the processor where the request has worked for long.
    fn pace(&mut self, used: Duration) {
        self.since_slice += used;
        if self.since_slice >= TICK
            && let Some(queue) = self.meter.queue()
        {
            self.since_slice = Duration::ZERO;
            drop(self.slice.take());
            self.slice = queue.wait_for_slice();
            self.last = Instant::now();
        }
    }
}

/// Processor time of this thread since it began.
fn worked_by_this_thread() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
