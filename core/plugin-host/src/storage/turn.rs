//! Whose turn it is to write: the requests of one app write one after another, in the order in
//! which they came. SQLite lets whoever looks at the right moment go first, so that under load a
//! request can wait until its time is over; a queue cannot forget one.
//!
//! Between two processes, as in a handover of core, a lock on the data folder comes before SQLite's
//! own: who writes knows what the other one has written, and so what is left of the quota.

use std::{
    fs::File,
    io,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{blobs::Touched, database::StorageError};

/// The time between two looks at the other process's lock; it is held for the length of a write, and
/// only in a handover is there another process.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// The queue of those who want to write to one database.
#[derive(Debug)]
pub(super) struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Turns {
    /// A session's place beside the queue: it has no turn yet.
    pub(super) fn outside(&self) -> Turn {
        Turn { turns: self.0.clone(), held: None, folder: None, touched: Touched::default() }
    }

    /// Waits in the queue for at most `longest`.
    pub(super) async fn wait(&self, longest: Duration) -> Result<Held, StorageError> {
        let turn = tokio::time::timeout(longest, self.0.clone().acquire_owned()).await;
        turn.ok().and_then(Result::ok).map(Held).ok_or(StorageError::Busy)
    }
}

/// A turn that was waited for.
#[derive(Debug)]
pub(super) struct Held(OwnedSemaphorePermit);

/// One session's right to write, held until what it wrote is committed or rolled back.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
    /// The data folder, locked against the other process; unlocked when it is closed.
    folder: Option<File>,
    /// The files of blobs that it has changed.
    pub(super) touched: Touched,
}

impl Turn {
    /// The right to write, now or not at all: a thread that waited for it could be the last one,
    /// which the holder needs to finish.
    pub(super) fn take(&mut self) -> Result<(), Halt> {
        if self.held.is_none() {
            let turn = self.turns.clone().try_acquire_owned();
            self.held = Some(turn.map_err(|_taken| Halt::OutOfTurn)?);
        }
        Ok(())
    }

    /// Puts in what was waited for.
    pub(super) fn put(&mut self, Held(turn): Held) {
        self.held = Some(turn);
    }

    /// Keeps the other process from writing in `folder` as long as the turn lasts. Waits for its
    /// turn to end, for at most `longest`; whoever holds that needs no thread of this process.
    pub(super) fn lock(&mut self, folder: &Path, longest: Duration) -> Result<(), NoTurn> {
        if self.folder.is_some() {
            return Ok(());
        }
        let opened = File::open(folder).map_err(NoTurn::Failed)?;
        let until = Instant::now() + longest;
        loop {
            match flock(&opened, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(Errno::WOULDBLOCK) if Instant::now() < until => thread::sleep(LOOK_AGAIN),
                Err(Errno::WOULDBLOCK) => return Err(NoTurn::Busy),
                Err(Errno::INTR) => {}
                Err(error) => return Err(NoTurn::Failed(error.into())),
            }
        }
        self.folder = Some(opened);
        Ok(())
    }

    /// The next one may write.
    pub(super) fn end(&mut self) {
        self.folder = None;
        self.held = None;
    }
}

/// Why the other process could not be kept from writing.
#[derive(Debug)]
pub(super) enum NoTurn {
    /// It writes for longer than one can wait.
    Busy,
    /// The folder cannot be opened or locked.
    Failed(io::Error),
}

/// Why a call was not finished.
#[derive(Debug)]
pub(super) enum Halt {
    /// It writes, and another one's turn lasts: to be made anew after the wait.
    OutOfTurn,
    /// It failed.
    Failed(StorageError),
}

impl From<StorageError> for Halt {
    fn from(error: StorageError) -> Self {
        Self::Failed(error)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn turns_come_in_the_order_of_the_queue() {
        let turns = Arc::new(Turns::default());
        let mut first = turns.outside();
        first.take().unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut waiting = tokio::task::JoinSet::new();
        for number in 0..20 {
            let (turns, order) = (turns.clone(), order.clone());
            waiting.spawn(async move {
                let held = turns.wait(LONG).await.unwrap();
                order.lock().unwrap().push(number);
                drop(held);
            });
            // This runtime has one thread: the task runs until it waits in the queue.
            tokio::task::yield_now().await;
        }
        first.end();
        while waiting.join_next().await.is_some() {}
        assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn one_that_never_comes_is_busy() {
        let turns = Turns::default();
        let mut first = turns.outside();
        first.take().unwrap();
        assert!(matches!(turns.outside().take(), Err(Halt::OutOfTurn)));
        assert!(matches!(turns.wait(Duration::ZERO).await, Err(StorageError::Busy)));
        first.take().unwrap();
    }
}
