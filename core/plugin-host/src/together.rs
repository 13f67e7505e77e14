//! What the instances of one app may have of the machine's memory together: room is set aside for an
//! instance before it is made, so that whoever waits is let in when it is there. Counts linear
//! memories, and what the host keeps for an app where it says so: who keeps it bounds each.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering::SeqCst},
};

use newleaf_domain::ByteSize;
use tokio::sync::{Notify, Semaphore};

use crate::{app::Patience, limits::Limits, sizes::Sizes};

/// The memory of all instances of one app, and what the host keeps for them.
#[derive(Debug)]
pub(crate) struct Together {
    most: ByteSize,
    /// What one instance may have.
    each: u64,
    /// What one has when it is made.
    initial: u64,
    /// What instances have, or may yet take of what was set aside for them.
    used: AtomicU64,
    /// Told when something is given back.
    freed: Notify,
    /// Whoever holds it is let in next.
    foremost: Semaphore,
    sizes: Sizes,
}

impl Together {
    /// Of an app that has no instance yet, each of which begins with `initial` bytes.
    pub(crate) fn new(limits: &Limits, initial: u64) -> Arc<Self> {
        Arc::new(Self {
            most: limits.memory_together,
            each: limits.memory.as_u64(),
            initial,
            used: AtomicU64::new(0),
            freed: Notify::new(),
            foremost: Semaphore::new(1),
            sizes: Sizes::default(),
        })
    }

    /// Goes on from what the instances of another version took.
    pub(crate) fn follow(&self, other: &Self) {
        self.sizes.follow(&other.sizes);
    }

    /// What is to be set aside for an instance: what the last ones usually took, and for one on a
    /// promise what none of them exceeded. Where nothing else runs there is always so much.
    pub(crate) fn wanted(&self, patience: Patience) -> u64 {
        let known = match patience {
            Patience::Queue => self.sizes.usual(),
            Patience::Promised if self.sizes.largest() == u64::MAX => {
                self.sizes.usual().max(self.each)
            }
            Patience::Promised => self.sizes.largest(),
        };
        known.max(self.initial).min(self.most.as_u64())
    }

    /// Waits until there is room for an instance.
    pub(crate) async fn room(self: &Arc<Self>, patience: Patience) -> Arc<Share> {
        self.first(|| self.set_aside(self.wanted(patience))).await
    }

    /// Waits until `enter` finds what it wants: it is asked whenever something was given back, and
    /// once those are in who came before.
    pub(crate) async fn first<T>(&self, mut enter: impl FnMut() -> Option<T>) -> T {
        // Nobody closes the semaphore.
        let _foremost = self.foremost.acquire().await;
        loop {
            if let Some(entered) = enter() {
                return entered;
            }
            let mut freed = std::pin::pin!(self.freed.notified());
            // Listen before asking again, or what is freed in between would not be heard of.
            freed.as_mut().enable();
            if let Some(entered) = enter() {
                return entered;
            }
            freed.await;
        }
    }

    /// Tells those who wait that there is something for them.
    pub(crate) fn tell(&self) {
        self.freed.notify_waiters();
    }

    /// Sets `wanted` bytes aside, where there are so many.
    pub(crate) fn set_aside(self: &Arc<Self>, wanted: u64) -> Option<Arc<Share>> {
        self.take(wanted).then(|| {
            let taken = Mutex::new(Taken { has: 0, aside: wanted, peak: 0 });
            Arc::new(Share { together: self.clone(), taken })
        })
    }

    fn take(&self, more: u64) -> bool {
        let taken = self.used.fetch_update(SeqCst, SeqCst, |used| {
            used.checked_add(more).filter(|sum| *sum <= self.most.as_u64())
        });
        taken.is_ok()
    }

    fn give_back(&self, less: u64) {
        if less > 0 {
            self.used.fetch_sub(less, SeqCst);
            self.tell();
        }
    }
}

/// What one instance has, with what the host keeps for it and what is set aside for it. Given back
/// with the last clone.
#[derive(Debug)]
pub(crate) struct Share {
    together: Arc<Together>,
    taken: Mutex<Taken>,
}

#[derive(Debug)]
struct Taken {
    has: u64,
    /// What it may have without asking.
    aside: u64,
    /// The most it had or asked for.
    peak: u64,
}

impl Taken {
    fn counted(&self) -> u64 {
        self.has.max(self.aside)
    }
}

impl Share {
    /// Takes `more` bytes: of what was set aside, and beyond that of what is free.
    ///
    /// # Errors
    /// So much is not free.
    pub(crate) fn take(&self, more: u64) -> Result<(), MemorySpent> {
        let mut taken = self.taken();
        let has = taken.has.saturating_add(more);
        taken.peak = taken.peak.max(has);
        let counted = taken.counted();
        if !self.together.take(has.saturating_sub(counted)) {
            return Err(MemorySpent::Together(self.together.most));
        }
        taken.has = has;
        Ok(())
    }

    /// Gives `less` bytes back, which are set aside for it as far as they were before.
    fn put_back(&self, less: u64) {
        let mut taken = self.taken();
        let counted = taken.counted();
        taken.has = taken.has.saturating_sub(less);
        self.together.give_back(counted - taken.counted());
    }

    /// Sets `wanted` bytes aside in all; whether they are there.
    pub(crate) fn widen(&self, wanted: u64) -> bool {
        let mut taken = self.taken();
        let counted = taken.counted();
        let has_them = self.together.take(wanted.saturating_sub(counted));
        if has_them {
            taken.aside = taken.aside.max(wanted);
        }
        has_them
    }

    /// Gives back what was set aside beyond what instances usually take: this one has begun its
    /// answer, and may be at it for long.
    pub(crate) fn settle(&self) {
        self.leave(self.together.wanted(Patience::Queue));
    }

    /// The request is over, and the instance stays for the next one: notes what it took, and gives
    /// back what it does not have.
    pub(crate) fn rest(&self) {
        let mut taken = self.taken();
        let (peak, has) = (taken.peak, taken.has);
        taken.peak = has;
        drop(taken);
        self.together.sizes.note(peak);
        self.leave(0);
    }

    fn leave(&self, aside: u64) {
        let mut taken = self.taken();
        let counted = taken.counted();
        taken.aside = taken.aside.min(aside);
        self.together.give_back(counted - taken.counted());
    }

    /// Counts `bytes` that the host keeps for the instance, as long as the result lives.
    ///
    /// # Errors
    /// So much is not free.
    pub(crate) fn lend(self: &Arc<Self>, bytes: u64) -> Result<Lent, MemorySpent> {
        self.take(bytes)?;
        Ok(Lent { bytes, share: self.clone() })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let (peak, counted) = {
            let taken = self.taken();
            (taken.peak, taken.counted())
        };
        if peak > 0 {
            self.together.sizes.note(peak);
        }
        self.together.give_back(counted);
    }
}

/// Memory that the host keeps for an instance; counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Lent {
    bytes: u64,
    share: Arc<Share>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.share.put_back(self.bytes);
    }
}

/// Why an instance does not get the memory it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MemorySpent {
    /// It has what one instance may have.
    #[error("the app wants more than the {0} of memory that one instance may have")]
    Own(ByteSize),
    /// The app's instances have what they may have together.
    #[error("the app's instances want more than the {0} of memory that they may have together")]
    Together(ByteSize),
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn of(together: u64) -> Arc<Together> {
        let limits = Limits { memory_together: ByteSize::mib(together), ..Limits::default() };
        Together::new(&limits, 2 * MIB)
    }

    #[test]
    fn what_is_set_aside_is_taken_by_its_instance_and_by_nobody_else() {
        let together = of(10);
        let first = together.set_aside(6 * MIB).unwrap();
        let second = together.set_aside(4 * MIB).unwrap();
        assert!(together.set_aside(1).is_none());
        second.take(4 * MIB).unwrap();
        assert_eq!(second.take(1), Err(MemorySpent::Together(ByteSize::mib(10))));
        first.take(6 * MIB).unwrap();
        drop(second);
        first.take(4 * MIB).unwrap();
        drop(first);
        assert!(together.set_aside(10 * MIB).is_some());
    }

    #[test]
    fn what_the_host_keeps_is_of_the_same_share_until_it_is_dropped() {
        let together = of(10);
        let share = together.set_aside(2 * MIB).unwrap();
        share.take(MIB).unwrap();
        let lent = share.lend(5 * MIB).unwrap();
        assert!(together.set_aside(5 * MIB).is_none(), "what is lent is not counted");
        assert_eq!(
            share.lend(5 * MIB).unwrap_err().to_string(),
            "the app's instances want more than the 10 MiB of memory that they may have together"
        );
        drop(lent);
        assert!(together.set_aside(8 * MIB).is_some(), "what is set aside is not counted twice");
    }

    #[test]
    fn room_is_made_for_what_is_known_and_on_a_promise_for_the_most() {
        let together = of(512);
        let wanted = || [Patience::Queue, Patience::Promised].map(|it| together.wanted(it) / MIB);
        let ends_with = |size: u64| together.set_aside(0).unwrap().take(size * MIB).unwrap();
        assert_eq!(wanted(), [2, 64], "nothing is known");
        ends_with(30);
        assert_eq!(wanted(), [30, 64], "little is known");
        (0..9).for_each(|_| ends_with(3));
        assert_eq!(wanted(), [3, 30]);
        let share = together.set_aside(500 * MIB).unwrap();
        share.take(20 * MIB).unwrap();
        share.take(800 * MIB).unwrap_err();
        drop(share);
        assert_eq!(wanted()[1], 512, "what was refused is known, but no more than there is");
    }

    #[test]
    fn an_answer_that_has_begun_keeps_only_what_is_usual_and_who_rests_what_it_has() {
        let together = of(100);
        let share = together.set_aside(60 * MIB).unwrap();
        share.take(MIB).unwrap();
        share.settle();
        assert!(share.widen(60 * MIB));
        share.take(9 * MIB).unwrap();
        share.rest();
        assert!(together.set_aside(91 * MIB).is_none());
        let rest = together.set_aside(90 * MIB).unwrap();
        assert!(share.widen(10 * MIB) && !share.widen(11 * MIB));
        drop(rest);
        assert!(share.widen(11 * MIB));
    }

    #[tokio::test]
    async fn who_waits_is_let_in_when_there_is_room_and_in_the_order_of_coming() {
        let together = of(10);
        let share = together.set_aside(10 * MIB).unwrap();
        share.take(8 * MIB).unwrap();
        let large = tokio::spawn({
            let together = together.clone();
            async move { together.first(|| together.set_aside(5 * MIB)).await }
        });
        tokio::task::yield_now().await;
        let small = tokio::spawn({
            let together = together.clone();
            async move { together.room(Patience::Queue).await }
        });
        tokio::task::yield_now().await;
        share.leave(8 * MIB);
        (0..9).for_each(|_| drop(together.set_aside(0)));
        tokio::task::yield_now().await;
        assert!(!large.is_finished() && !small.is_finished(), "one that is small overtook");
        drop(share);
        let large = large.await.unwrap();
        tokio::task::yield_now().await;
        assert_eq!(together.used.load(SeqCst), 5 * MIB);
        assert!(!small.is_finished(), "8 MiB are usual by now");
        drop(large);
        drop(small.await.unwrap());
        assert_eq!(together.used.load(SeqCst), 0);
    }
}
