//! Instances of one app that have answered a request and wait for the next one. Only keeps them:
//! which are fit to be used again is decided where a request ends.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant as Moment},
};

use tokio::runtime::Handle;
use wasmtime::Store;

use crate::instance::Instance;

/// The most that are kept of one app: more than a small server's processors use at one time.
const MOST: usize = 16;

/// How long one is kept that nobody needs. The pool of the host's instances is the others' too.
const PATIENCE: Duration = Duration::from_secs(1);

/// The instances of one app that nobody uses.
#[derive(Default)]
pub(crate) struct Kept(Mutex<Shelf>);

#[derive(Default)]
struct Shelf {
    /// The one that was used last stands at the end, and goes first: it is warm.
    idle: Vec<(Moment, Store<Instance>)>,
    /// Whether somebody looks after those that nobody needs.
    is_watched: bool,
}

impl Kept {
    /// One of them.
    pub(crate) fn take(&self) -> Option<Store<Instance>> {
        self.lock().idle.pop().map(|(_, store)| store)
    }

    /// Keeps an instance for the next request, unless there are enough.
    pub(crate) fn put(self: &Arc<Self>, store: Store<Instance>) {
        // Without a runtime nobody would take it away again.
        let Ok(runtime) = Handle::try_current() else { return };
        let mut shelf = self.lock();
        if shelf.idle.len() >= MOST {
            drop(shelf);
            return drop(store);
        }
        shelf.idle.push((Moment::now(), store));
        if !std::mem::replace(&mut shelf.is_watched, true) {
            runtime.spawn(watch(Arc::downgrade(self)));
        }
    }

    /// Ends those that nobody has needed for a while; whether there are others.
    fn tidy(&self) -> bool {
        let mut shelf = self.lock();
        let fresh = shelf.idle.partition_point(|(since, _)| since.elapsed() >= PATIENCE);
        let stale: Vec<_> = shelf.idle.drain(..fresh).collect();
        shelf.is_watched = !shelf.idle.is_empty();
        let has_more = shelf.is_watched;
        drop(shelf);
        drop(stale);
        has_more
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tidies until nothing is left, or the app is gone and all with it.
async fn watch(kept: Weak<Kept>) {
    loop {
        tokio::time::sleep(PATIENCE).await;
        if !kept.upgrade().is_some_and(|kept| kept.tidy()) {
            return;
        }
    }
}
