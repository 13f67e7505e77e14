//! Counts the processor time of one request, in the guest and in its SQL, and ends it at the limit.
//! What computes for long is sent to the lane.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering::Relaxed},
    },
    time::Duration,
};

use crate::lane::{AT_ONCE, Queue};

/// Whether a request may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Budget {
    /// It may.
    Left,
    /// Its processor time is used up.
    Spent,
    /// Nobody waits for it any more.
    Cancelled,
}

/// The processor time a request has left, shared by its instance and its SQL connection.
#[derive(Debug)]
pub(crate) struct Meter {
    budget_us: i64,
    left_us: AtomicI64,
    cancelled: AtomicBool,
    /// Where it waits once it has computed for long; nowhere in the tests of its neighbours.
    queue: Option<Arc<Queue>>,
}

impl Meter {
    /// A meter that allows `budget`, as fast as the machine can.
    #[cfg(test)]
    pub(crate) fn new(budget: Duration) -> Arc<Self> {
        Self::of(budget, None)
    }

    /// A meter that allows `budget`, and sends what takes long to `queue`.
    pub(crate) fn paced(budget: Duration, queue: &Arc<Queue>) -> Arc<Self> {
        Self::of(budget, Some(queue.clone()))
    }

    fn of(budget: Duration, queue: Option<Arc<Queue>>) -> Arc<Self> {
        let budget_us = i64::try_from(budget.as_micros()).unwrap_or(i64::MAX);
        let (left_us, cancelled) = (AtomicI64::new(budget_us), AtomicBool::new(false));
        Arc::new(Self { budget_us, left_us, cancelled, queue })
    }

    /// What was charged so far.
    pub(crate) fn used(&self) -> Duration {
        let used = self.budget_us.saturating_sub(self.left_us.load(Relaxed));
        Duration::from_micros(u64::try_from(used).unwrap_or(0))
    }

    /// The queue to wait in before computing goes on; none while the request has used little.
    pub(crate) fn queue(&self) -> Option<&Arc<Queue>> {
        let used = self.budget_us.saturating_sub(self.left_us.load(Relaxed));
        let is_long = u128::try_from(used).is_ok_and(|used| used > AT_ONCE.as_micros());
        self.queue.as_ref().filter(|_| is_long)
    }

    /// Takes `used` from what is left.
    pub(crate) fn charge(&self, used: Duration) -> Budget {
        let used_us = i64::try_from(used.as_micros()).unwrap_or(i64::MAX);
        let before = self.left_us.fetch_sub(used_us, Relaxed);
        if self.cancelled.load(Relaxed) {
            Budget::Cancelled
        } else if before <= used_us {
            Budget::Spent
        } else {
            Budget::Left
        }
    }

    /// Whether nothing is left.
    pub(crate) fn is_spent(&self) -> bool {
        self.left_us.load(Relaxed) <= 0
    }

    /// Ends the request at its next step: its instance is gone.
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_ends_at_its_budget_and_at_cancel() {
        let meter = Meter::new(Duration::from_millis(20));
        assert_eq!(meter.charge(Duration::from_millis(10)), Budget::Left);
        assert_eq!(meter.charge(Duration::from_millis(10)), Budget::Spent);
        assert!(meter.is_spent());
        let meter = Meter::new(Duration::from_secs(1));
        meter.cancel();
        assert_eq!(meter.charge(Duration::ZERO), Budget::Cancelled);
    }
}
