//! What an instance makes the host keep in WASI's resources (streams, fields, bodies). A few dozen go
//! with every instance; more are counted as memory of its app. Counts them; WASI itself holds them.

use std::sync::Arc;

use crate::together::{Lent, MemorySpent, Share};

/// The most resources one instance may hold. An honest one has some dozens.
pub(crate) const RESOURCES: usize = 1_000;

/// What an instance may hold before anything is counted.
const FREE: usize = 64;

/// What is counted at one time.
const BLOCK: usize = 32;

/// The most that one resource may make the host keep, in bytes: a request with full fields, the
/// longest path, and two chunks of a body that nobody reads.
const EACH: u64 = 160 * 1024;

/// Calls of WASI between two looks: together they make fewer resources than [`BLOCK`].
const LOOK_EVERY: u32 = 8;

/// The resources of one instance, as they are counted; what was counted is given back with it.
#[derive(Debug)]
pub(crate) struct Shelf {
    room: usize,
    calls: u32,
    lent: Vec<Lent>,
    is_refused: bool,
}

impl Default for Shelf {
    fn default() -> Self {
        Self { room: FREE, calls: 0, lent: Vec::new(), is_refused: false }
    }
}

impl Shelf {
    /// How many resources the instance may hold now.
    pub(crate) const fn room(&self) -> usize {
        self.room
    }

    /// Notes a call of WASI; whether it is time to look at what the instance holds.
    pub(crate) const fn is_due(&mut self) -> bool {
        self.calls = self.calls.wrapping_add(1);
        self.calls.is_multiple_of(LOOK_EVERY)
    }

    /// Makes room beyond the `held` resources, where the app may have more memory.
    ///
    /// # Errors
    /// It may not; told once.
    pub(crate) fn make_room(&mut self, held: usize, share: &Arc<Share>) -> Result<(), MemorySpent> {
        while self.room < RESOURCES && held + BLOCK > self.room {
            match share.lend(EACH * BLOCK as u64) {
                Ok(lent) => self.lent.push(lent),
                Err(_) if self.is_refused => return Ok(()),
                Err(refused) => {
                    self.is_refused = true;
                    return Err(refused);
                }
            }
            self.room = RESOURCES.min(self.room + BLOCK);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use newleaf_domain::ByteSize;

    use super::*;
    use crate::{limits::Limits, together::Together};

    fn share(mib: u64) -> Arc<Share> {
        let limits = Limits { memory_together: ByteSize::mib(mib), ..Limits::default() };
        Together::new(&limits, 0).set_aside(0).unwrap()
    }

    #[test]
    fn many_resources_are_memory_of_the_app_and_are_refused_beyond_it() {
        let share = share(12);
        let mut hoarder = Shelf::default();
        assert_eq!((hoarder.make_room(32, &share), hoarder.room()), (Ok(()), 64));
        assert_eq!((hoarder.make_room(64, &share), hoarder.room()), (Ok(()), 96));
        let mut other = Shelf::default();
        assert_eq!((other.make_room(40, &share), other.room()), (Ok(()), 96));
        let refused = Err(MemorySpent::Together(ByteSize::mib(12)));
        assert_eq!((hoarder.make_room(96, &share), hoarder.room()), (refused, 96));
        assert_eq!(hoarder.make_room(96, &share), Ok(()), "it is told once");
        drop(other);
        assert_eq!((hoarder.make_room(96, &share), hoarder.room()), (Ok(()), 128));
    }

    #[test]
    fn no_instance_holds_more_than_it_may() {
        let share = share(10_000);
        let mut shelf = Shelf::default();
        assert_eq!((shelf.make_room(5_000, &share), shelf.room()), (Ok(()), RESOURCES));
    }
}
