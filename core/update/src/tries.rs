//! What was begun without anyone being asked, and when it may be again: an update that fails for the
//! machine's or the delivery's fault is tried at growing intervals, not in a circle.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use newleaf_domain::{Digest, Target};

/// Between the first try and the second; then twice as long each time.
const FIRST_WAIT: Duration = Duration::from_mins(1);

/// Between two tries at the most.
const LONGEST_WAIT: Duration = Duration::from_hours(6);

/// The tries of each target. Times are those of [`Ground::passed`](crate::port::Ground::passed),
/// which no wrong clock changes.
#[derive(Debug, Default)]
pub(crate) struct Tries(Mutex<BTreeMap<Target, Tried>>);

#[derive(Debug, Clone, Copy)]
struct Tried {
    digest: Digest,
    attempts: u32,
    not_before: Duration,
}

impl Tries {
    /// How long the release must wait; nothing where it was not tried yet.
    pub(crate) fn wait(&self, target: &Target, digest: &Digest, now: Duration) -> Duration {
        let tried = self.lock().get(target).filter(|tried| tried.digest == *digest).copied();
        tried.map_or(Duration::ZERO, |tried| tried.not_before.saturating_sub(now))
    }

    /// Notes a try. Another release of the target than the last one begins anew.
    pub(crate) fn begun(&self, target: &Target, digest: Digest, now: Duration) {
        let mut all = self.lock();
        let before = all.get(target).filter(|tried| tried.digest == digest);
        let attempts = before.map_or(0, |tried| tried.attempts);
        let wait = FIRST_WAIT.saturating_mul(1 << attempts.min(16)).min(LONGEST_WAIT);
        let tried = Tried { digest, attempts: attempts + 1, not_before: now + wait };
        all.insert(target.clone(), tried);
    }

    /// A person has done something about the target: whatever made it fail may be mended.
    pub(crate) fn forget(&self, target: &Target) {
        self.lock().remove(target);
    }

    /// The time until the next release may be tried again; none where nothing waits.
    pub(crate) fn next(&self, now: Duration) -> Option<Duration> {
        let all = self.lock();
        all.values()
            .filter_map(|tried| tried.not_before.checked_sub(now))
            .filter(|left| !left.is_zero())
            .min()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Target, Tried>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_try_waits_twice_as_long_as_the_one_before_and_never_longer_than_six_hours() {
        let (tries, digest) = (Tries::default(), Digest::of(b"release"));
        let (mut now, mut waits) = (Duration::from_secs(7), Vec::new());
        for _ in 0..40 {
            tries.begun(&Target::Core, digest, now);
            let wait = tries.wait(&Target::Core, &digest, now);
            assert_eq!(tries.next(now), Some(wait));
            waits.push(wait.as_secs() / 60);
            now += wait;
            assert_eq!(tries.next(now), None, "what is due is waited for no more");
        }
        assert_eq!(waits[..10], [1, 2, 4, 8, 16, 32, 64, 128, 256, 360]);
        assert!(waits[10..].iter().all(|minutes| *minutes == 360));
        assert!(tries.wait(&Target::Core, &Digest::of(b"the next"), now).is_zero());
        tries.begun(&Target::Core, Digest::of(b"the next"), now);
        assert_eq!(tries.next(now), Some(FIRST_WAIT), "another release begins anew");
    }
}
