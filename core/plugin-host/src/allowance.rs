//! What one instance of an app may take of the machine's memory and tables. Asks the app's common
//! room for each growth.

use std::sync::Arc;

use newleaf_domain::ByteSize;
use wasmtime::{ResourceLimiter, StoreLimits, StoreLimitsBuilder};

use crate::{
    limits::{Limits, as_usize},
    together::{MemorySpent, Share},
};

/// The allowance of one instance; gives back what it took when it is dropped.
#[derive(Debug)]
pub(crate) struct Allowance {
    counts: StoreLimits,
    most: ByteSize,
    own: u64,
    share: Arc<Share>,
}

impl Allowance {
    /// The allowance of a new instance, for which `share` is set aside.
    pub(crate) fn new(limits: &Limits, share: Arc<Share>) -> Self {
        let counts = StoreLimitsBuilder::new()
            .memory_size(as_usize(limits.memory))
            .memories(4)
            .instances(32)
            .tables(16)
            .table_elements(100_000)
            .trap_on_grow_failure(true)
            .build();
        Self { counts, most: limits.memory, own: 0, share }
    }

    /// What the instance took; memory never shrinks.
    pub(crate) fn taken(&self) -> u64 {
        self.own
    }

    /// What is set aside for it.
    pub(crate) const fn share(&self) -> &Arc<Share> {
        &self.share
    }

    fn take(&mut self, more: u64) -> Result<(), MemorySpent> {
        if self.own.saturating_add(more) > self.most.as_u64() {
            return Err(MemorySpent::Own(self.most));
        }
        self.share.take(more)?;
        self.own += more;
        Ok(())
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
    use crate::together::Together;

    const MIB: usize = 1024 * 1024;

    #[test]
    fn memories_of_one_instance_and_of_all_are_counted_together() {
        let limits = Limits {
            memory: ByteSize::mib(8),
            memory_together: ByteSize::mib(10),
            ..Limits::default()
        };
        let together = Together::new(&limits, 0);
        let instance = || Allowance::new(&limits, together.set_aside(0).unwrap());
        let mut first = instance();
        assert!(first.memory_growing(0, 5 * MIB, None).unwrap());
        let own = first.memory_growing(0, 5 * MIB, None).unwrap_err();
        assert_eq!(own.downcast_ref(), Some(&MemorySpent::Own(ByteSize::mib(8))));
        let mut second = instance();
        assert!(second.memory_growing(0, 4 * MIB, None).unwrap());
        let all = second.memory_growing(4 * MIB, 6 * MIB, None).unwrap_err();
        assert_eq!(all.downcast_ref(), Some(&MemorySpent::Together(ByteSize::mib(10))));
        drop(first);
        assert!(second.memory_growing(4 * MIB, 6 * MIB, None).unwrap());
    }
}
