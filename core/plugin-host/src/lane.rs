//! Where requests wait their turn that compute for long, so that the short ones of other apps find
//! a processor. Decides when, never whether: how much a request may compute is its meter's part.
//!
//! What a request computes beyond a first few milliseconds is done in slices of one [`TICK`]. Fewer
//! are under way than the machine has processors, so one of those is always soon free. Apps take
//! turns, however many requests each has waiting.
//!
//! [`TICK`]: crate::engine::TICK

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::sync::Semaphore;

use crate::engine::TICK;

/// What a request may compute before it waits for slices: most are answered by then.
pub(crate) const AT_ONCE: Duration = TICK.saturating_mul(3);

/// Ticks after which a slice is taken for given back: who holds it waits for something by now, and
/// computes no more.
const KEPT_FOR: u64 = 5;

/// The slices of a host.
#[derive(Debug)]
pub(crate) struct Lane {
    free: Semaphore,
    lent: Mutex<Lent>,
}

/// The slices under way, oldest first, each with the tick at which it is called back.
#[derive(Debug, Default)]
struct Lent {
    tick: u64,
    slices: VecDeque<(u64, Arc<AtomicBool>)>,
}

/// A slice of computing time, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Slice {
    lane: Arc<Lane>,
    is_back: Arc<AtomicBool>,
}

impl Lane {
    /// A lane that leaves one of the machine's processors free, where it has several.
    pub(crate) fn of_this_machine() -> Arc<Self> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self::of(processors.saturating_sub(1).max(1))
    }

    fn of(slices: usize) -> Arc<Self> {
        Arc::new(Self { free: Semaphore::new(slices), lent: Mutex::default() })
    }

    /// A tick has passed: what was lent long ago is called back.
    pub(crate) fn tick(&self) {
        let mut lent = self.lent();
        lent.tick += 1;
        let now = lent.tick;
        while let Some((_, slice)) = lent.slices.pop_front_if(|(until, _)| *until <= now) {
            self.take_back(&slice);
        }
    }

    fn lend(self: &Arc<Self>) -> Slice {
        let is_back = Arc::<AtomicBool>::default();
        let mut lent = self.lent();
        let until = lent.tick + KEPT_FOR;
        lent.slices.push_back((until, is_back.clone()));
        Slice { lane: self.clone(), is_back }
    }

    fn take_back(&self, slice: &AtomicBool) {
        if !slice.swap(true, SeqCst) {
            self.free.add_permits(1);
        }
    }

    fn lent(&self) -> MutexGuard<'_, Lent> {
        self.lent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slice {
    fn drop(&mut self) {
        self.lane.take_back(&self.is_back);
    }
}

/// The place of one app before the lane.
#[derive(Debug)]
pub(crate) struct Queue {
    lane: Arc<Lane>,
    /// Whoever holds it stands in the lane for the app.
    foremost: Semaphore,
}

impl Queue {
    /// The queue of an app of which nobody waits yet.
    pub(crate) fn new(lane: &Arc<Lane>) -> Arc<Self> {
        Arc::new(Self { lane: lane.clone(), foremost: Semaphore::new(1) })
    }

    /// Waits for a slice of computing time.
    pub(crate) async fn slice(self: Arc<Self>) -> Option<Slice> {
        // Nobody closes the semaphores.
        let foremost = self.foremost.acquire().await.ok()?;
        let free = self.lane.free.acquire().await.ok()?;
        drop(foremost);
        free.forget();
        Some(self.lane.lend())
    }

    /// The same on a thread that may block; waits for nothing on one that belongs to no runtime.
    pub(crate) fn wait_for_slice(self: &Arc<Self>) -> Option<Slice> {
        tokio::runtime::Handle::try_current().ok()?.block_on(self.clone().slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that can wait do.
    async fn settle() {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn apps_take_turns_however_many_requests_wait() {
        let lane = Lane::of(1);
        let (many, few) = (Queue::new(&lane), Queue::new(&lane));
        let first = many.clone().slice().await;
        let order = Arc::new(Mutex::new(String::new()));
        let mut waiting = tokio::task::JoinSet::new();
        for (queue, name, count) in [(many, 'm', 6), (few, 'f', 2)] {
            for _ in 0..count {
                let (queue, order) = (queue.clone(), order.clone());
                waiting.spawn(async move {
                    let slice = queue.slice().await;
                    order.lock().unwrap().push(name);
                    settle().await;
                    drop(slice);
                });
            }
        }
        settle().await;
        drop(first);
        while waiting.join_next().await.is_some() {}
        let order = order.lock().unwrap();
        assert!(["mfmf", "fmfm"].contains(&&order[..4]) && &order[4..] == "mmmm", "{order}");
    }

    #[tokio::test]
    async fn a_slice_that_is_kept_is_called_back_and_not_given_back_twice() {
        let lane = Lane::of(1);
        let queue = Queue::new(&lane);
        let kept = queue.clone().slice().await.unwrap();
        for _ in 0..KEPT_FOR {
            assert_eq!(lane.free.available_permits(), 0);
            lane.tick();
        }
        assert_eq!(lane.free.available_permits(), 1);
        drop(kept);
        assert_eq!(lane.free.available_permits(), 1);
        drop(queue.slice().await);
        (0..9).for_each(|_| lane.tick());
        assert_eq!(lane.free.available_permits(), 1);
    }
}
