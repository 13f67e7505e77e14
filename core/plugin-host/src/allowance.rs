//! What the instances of one app may take of the machine's memory, each and all together. Counts
//! linear memories, and what the host keeps for an app where it says so: who keeps it bounds each.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::SeqCst},
};

use newleaf_domain::ByteSize;
use wasmtime::{ResourceLimiter, StoreLimits, StoreLimitsBuilder};

use crate::limits::{Limits, as_usize};

/// The memory of all instances of one app, and what the host keeps for them.
#[derive(Debug)]
pub(crate) struct Together {
    most: ByteSize,
    used: AtomicU64,
}

impl Together {
    /// Of an app that has no instance yet.
    pub(crate) fn new(most: ByteSize) -> Arc<Self> {
        Arc::new(Self { most, used: AtomicU64::new(0) })
    }

    /// Counts `bytes` that the host keeps for the app, as long as the result lives.
    ///
    /// # Errors
    /// The app may have no more.
    pub(crate) fn lend(self: &Arc<Self>, bytes: u64) -> Result<Lent, MemorySpent> {
        if !self.take(bytes) {
            return Err(MemorySpent::Together(self.most));
        }
        Ok(Lent { bytes, together: self.clone() })
    }

    fn take(&self, more: u64) -> bool {
        let taken = self.used.fetch_update(SeqCst, SeqCst, |used| {
            used.checked_add(more).filter(|sum| *sum <= self.most.as_u64())
        });
        taken.is_ok()
    }
}

/// Memory that the host keeps for an app; counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Lent {
    bytes: u64,
    together: Arc<Together>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.together.used.fetch_sub(self.bytes, SeqCst);
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

/// The allowance of one instance; gives back what it took when it is dropped.
#[derive(Debug)]
pub(crate) struct Allowance {
    counts: StoreLimits,
    most: ByteSize,
    own: u64,
    together: Arc<Together>,
}

impl Allowance {
    /// The allowance of a new instance of the app that `together` counts for.
    pub(crate) fn new(limits: &Limits, together: &Arc<Together>) -> Self {
        let counts = StoreLimitsBuilder::new()
            .memory_size(as_usize(limits.memory))
            .memories(4)
            .instances(32)
            .tables(16)
            .table_elements(100_000)
            .trap_on_grow_failure(true)
            .build();
        Self { counts, most: limits.memory, own: 0, together: together.clone() }
    }

    /// What the instance took; memory never shrinks.
    pub(crate) fn taken(&self) -> u64 {
        self.own
    }

    fn take(&mut self, more: u64) -> Result<(), MemorySpent> {
        if self.own.saturating_add(more) > self.most.as_u64() {
            return Err(MemorySpent::Own(self.most));
        }
        if !self.together.take(more) {
            return Err(MemorySpent::Together(self.together.most));
        }
        self.own += more;
        Ok(())
    }
}

impl Drop for Allowance {
    fn drop(&mut self) {
        self.together.used.fetch_sub(self.own, SeqCst);
    }
}

impl ResourceLimiter for Allowance {
    /// Called for the first pages of a memory as well, with a `current` of 0.
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return self.counts.memory_growing(current, desired, maximum);
        }
        let more = u64::try_from(desired.saturating_sub(current)).unwrap_or(u64::MAX);
        self.take(more).map_err(wasmtime::Error::new)?;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.counts.memory_grow_failed(error)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.counts.table_growing(current, desired, maximum)
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.counts.table_grow_failed(error)
    }

    fn instances(&self) -> usize {
        self.counts.instances()
    }

    fn tables(&self) -> usize {
        self.counts.tables()
    }

    fn memories(&self) -> usize {
        self.counts.memories()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    #[test]
    fn memories_of_one_instance_and_of_all_are_counted_together() {
        let limits = Limits { memory: ByteSize::mib(8), ..Limits::default() };
        let together = Together::new(ByteSize::mib(10));
        let mut first = Allowance::new(&limits, &together);
        assert!(first.memory_growing(0, 5 * MIB, None).unwrap());
        let own = first.memory_growing(0, 5 * MIB, None).unwrap_err();
        assert_eq!(own.downcast_ref(), Some(&MemorySpent::Own(ByteSize::mib(8))));
        let mut second = Allowance::new(&limits, &together);
        assert!(second.memory_growing(0, 4 * MIB, None).unwrap());
        let all = second.memory_growing(4 * MIB, 6 * MIB, None).unwrap_err();
        assert_eq!(all.downcast_ref(), Some(&MemorySpent::Together(ByteSize::mib(10))));
        drop(first);
        assert!(second.memory_growing(4 * MIB, 6 * MIB, None).unwrap());
    }

    #[test]
    fn what_the_host_keeps_for_an_app_is_counted_with_its_memories_until_it_is_dropped() {
        let together = Together::new(ByteSize::mib(10));
        let mut instance = Allowance::new(&Limits::default(), &together);
        assert!(instance.memory_growing(0, 6 * MIB, None).unwrap());
        let lent = together.lend(4 * MIB as u64).unwrap();
        let refused = together.lend(1).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the app's instances want more than the 10 MiB of memory that they may have together"
        );
        assert!(instance.memory_growing(6 * MIB, 7 * MIB, None).is_err());
        drop(lent);
        assert!(instance.memory_growing(6 * MIB, 7 * MIB, None).unwrap());
    }
}
