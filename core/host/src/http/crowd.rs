//! How many connections there may be at a time, and who gives way when there are too many.
//!
//! Clients of the public listeners must not use up the descriptors that the admin doors, the
//! databases and the apps need. The connections that have waited longest without a request give
//! way first; where none is idle, new ones wait in the system's queue.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::Notify;

use super::activity::Activity;

/// How long a connection must have been idle before it may be asked to give way: longer than it
/// takes a request to follow its connection.
const IDLE: Duration = Duration::from_millis(250);

/// How often a full house is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The most descriptors a worker asks the system for.
const DESCRIPTORS: u64 = 65_536;

/// The connections of one or more listeners.
#[derive(Debug)]
pub struct Crowd {
    most: usize,
    next: AtomicU64,
    members: Mutex<BTreeMap<u64, Arc<Activity>>>,
    left: Notify,
}

impl Crowd {
    /// At most `most` connections.
    pub fn of(most: NonZeroUsize) -> Arc<Self> {
        let (next, members, left) = (AtomicU64::new(0), Mutex::default(), Notify::new());
        Arc::new(Self { most: most.get(), next, members, left })
    }

    /// Those of the public listeners: half of this process's descriptors.
    pub fn public() -> Arc<Self> {
        Self::of(public_share(None))
    }

    /// Those of the admin listeners, which are fewer: an eighth.
    pub fn admin() -> Arc<Self> {
        Self::of(share(descriptors(), 8, 1024))
    }

    /// Waits until there is room for one more; who has idled longest is asked to give way.
    pub(super) async fn room(&self) {
        loop {
            let mut left = std::pin::pin!(self.left.notified());
            // Listen before looking, or the last one could leave in between.
            left.as_mut().enable();
            if self.members().len() < self.most {
                return;
            }
            self.shed();
            // None may be idle yet; a timeout is the time to look again.
            drop(tokio::time::timeout(LOOK_EVERY, left).await);
        }
    }

    /// Asks the connections that have idled longest to give way: one in 64, at least one.
    pub(super) fn shed(&self) {
        let mut idle: Vec<_> = self
            .members()
            .values()
            .filter_map(|member| Some((member.idle_for()?, Arc::clone(member))))
            .filter(|(idle, _)| *idle >= IDLE)
            .collect();
        idle.sort_by_key(|(idle, _)| std::cmp::Reverse(*idle));
        for (_, member) in idle.iter().take((self.most / 64).max(1)) {
            member.ask_to_leave();
        }
    }

    /// One more; counted until the result is dropped.
    pub(super) fn join(self: &Arc<Self>, activity: &Arc<Activity>) -> Member {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.members().insert(number, Arc::clone(activity));
        Member { crowd: Arc::clone(self), number }
    }

    fn members(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Activity>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the crowd.
#[derive(Debug)]
pub(super) struct Member {
    crowd: Arc<Crowd>,
    number: u64,
}

impl Drop for Member {
    fn drop(&mut self) {
        self.crowd.members().remove(&self.number);
        self.crowd.left.notify_waiters();
    }
}

/// The most connections of the public listeners: as set, else half of this process's descriptors.
pub fn public_share(set: Option<NonZeroUsize>) -> NonZeroUsize {
    set.unwrap_or_else(|| share(descriptors(), 2, 16_384))
}

/// A part of the descriptors, neither useless nor more than anybody needs.
fn share(of: u64, part: u64, most: usize) -> NonZeroUsize {
    let share = usize::try_from(of / part).unwrap_or(most).clamp(16, most);
    NonZeroUsize::new(share).unwrap_or(NonZeroUsize::MIN)
}

/// How many descriptors this process may have.
fn descriptors() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(DESCRIPTORS)
}

/// Takes as many descriptors as the system grants without asking; the usual 1024 are kept low for
/// programs that use `select(2)`, which this one does not.
pub fn raise_descriptors() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let granted = maximum.unwrap_or(DESCRIPTORS).min(DESCRIPTORS);
    if current.is_some_and(|current| current < granted) {
        let raised = Rlimit { current: Some(granted), maximum };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!("the limit of {current:?} open files stays: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_share_leaves_a_reserve() {
        let of = |limit| share(limit, 2, 16_384).get();
        assert_eq!([of(1), of(256), of(1024), of(1 << 20)], [16, 128, 512, 16_384]);
    }
}
