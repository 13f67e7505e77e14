//! Counts what an app's requests came to, for the page that shows it and for probation.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst},
};

use tokio::sync::Notify;

use crate::app::Failure;

/// What an app has done since it was loaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AppStats {
    /// Requests taken.
    pub requests: u64,
    /// Requests whose answer is not complete, or whose instance still lives.
    pub in_flight: usize,
    /// Requests whose instance trapped or used up a limit, unless the client had left before.
    pub traps: u64,
    /// Answers of the 5xx class, the host's own for a trap included.
    pub server_errors: u64,
    /// Requests whose client went away before the answer was complete; not failures.
    pub clients_gone: u64,
    /// Transactions that changed stored data since the app was put into its slot; what `init` and
    /// `migrate` wrote before is not among them.
    pub writes: u64,
}

/// The counters behind [`AppStats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) requests: AtomicU64,
    traps: AtomicU64,
    server_errors: AtomicU64,
    clients_gone: AtomicU64,
    in_flight: AtomicUsize,
    running: AtomicUsize,
    idle: Notify,
    failed: Notify,
}

impl Counters {
    /// Everything, with the number of `writes` that the storage layer has counted.
    pub(crate) fn read(&self, writes: u64) -> AppStats {
        AppStats {
            requests: self.requests.load(Relaxed),
            in_flight: self.in_flight.load(SeqCst),
            traps: self.traps.load(Relaxed),
            server_errors: self.server_errors.load(Relaxed),
            clients_gone: self.clients_gone.load(Relaxed),
            writes,
        }
    }

    /// Notes that something of the app runs, until the last clone of the result is dropped.
    pub(crate) fn enter(self: &Arc<Self>) -> Arc<Running> {
        self.running.fetch_add(1, SeqCst);
        Arc::new(Running(self.clone()))
    }

    /// Notes an answer of the 5xx class.
    pub(crate) fn server_error(&self) {
        self.server_errors.fetch_add(1, SeqCst);
        self.failed.notify_waiters();
    }

    /// Waits until there have been more than `seen` traps and 5xx answers together.
    pub(crate) async fn failed(&self, seen: u64) {
        loop {
            let notified = self.failed.notified();
            let mut notified = std::pin::pin!(notified);
            notified.as_mut().enable();
            if self.traps.load(SeqCst) + self.server_errors.load(SeqCst) > seen {
                return;
            }
            notified.await;
        }
    }

    /// Waits until nothing of the app runs.
    pub(crate) async fn idle(&self) {
        loop {
            let notified = self.idle.notified();
            let mut notified = std::pin::pin!(notified);
            // Listen before looking, or the last one could leave in between.
            notified.as_mut().enable();
            if self.running.load(SeqCst) == 0 {
                return;
            }
            notified.await;
        }
    }
}

/// One thing of an app that runs: a request, an instance, a statement.
#[derive(Debug)]
pub(crate) struct Running(Arc<Counters>);

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, SeqCst) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

/// How a response ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conclusion {
    /// All of it was taken by the server.
    Done,
    /// The app broke it off.
    Failed,
    /// Nobody wanted the rest.
    ClientGone,
    /// The app's answer has no body to send: the request was `HEAD`, the status has none, or the
    /// host has answered in its place.
    NoBodyWanted,
}

/// One request from its arrival to the end of its response. Shared by whoever answers it and by
/// its instance, so that a trap is judged by whether somebody still waited.
#[derive(Debug)]
pub(crate) struct Ticket {
    counters: Arc<Counters>,
    _running: Arc<Running>,
    concluded: AtomicBool,
    nobody_waits: AtomicBool,
    trapped: AtomicBool,
    failure: OnceLock<Failure>,
}

impl Ticket {
    /// A ticket for a request that has just arrived.
    pub(crate) fn new(counters: &Arc<Counters>) -> Arc<Self> {
        counters.requests.fetch_add(1, Relaxed);
        counters.in_flight.fetch_add(1, SeqCst);
        Arc::new(Self {
            _running: counters.enter(),
            counters: counters.clone(),
            concluded: AtomicBool::new(false),
            nobody_waits: AtomicBool::new(false),
            trapped: AtomicBool::new(false),
            failure: OnceLock::new(),
        })
    }

    /// Notes how the response ended; the first note counts.
    pub(crate) fn conclude(&self, conclusion: Conclusion) {
        if self.concluded.swap(true, SeqCst) {
            return;
        }
        match conclusion {
            Conclusion::Done => {}
            Conclusion::Failed => self.trap(),
            Conclusion::NoBodyWanted => self.nobody_waits.store(true, SeqCst),
            Conclusion::ClientGone => {
                self.nobody_waits.store(true, SeqCst);
                self.counters.clients_gone.fetch_add(1, Relaxed);
            }
        }
    }

    /// Notes why the instance is ended; the first note counts.
    pub(crate) fn fail(&self, failure: Failure) {
        // A second reason is a consequence of the first.
        let _ = self.failure.set(failure);
    }

    /// Why the instance was ended, where that was noted.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.failure.get().copied()
    }

    /// Notes that the instance trapped, once, and only where somebody still waited.
    pub(crate) fn trap(&self) {
        if !self.nobody_waits() && !self.trapped.swap(true, SeqCst) {
            self.counters.traps.fetch_add(1, SeqCst);
            self.counters.failed.notify_waiters();
        }
    }

    /// Whether nobody waits for the rest of the response.
    pub(crate) fn nobody_waits(&self) -> bool {
        self.nobody_waits.load(SeqCst)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.counters.in_flight.fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trap_after_the_client_left_is_no_failure() {
        let counters = Arc::new(Counters::default());
        let ticket = Ticket::new(&counters);
        ticket.conclude(Conclusion::ClientGone);
        ticket.trap();
        let stats = counters.read(0);
        assert_eq!((stats.traps, stats.clients_gone), (0, 1));
    }

    #[test]
    fn a_trap_is_counted_once() {
        let counters = Arc::new(Counters::default());
        let ticket = Ticket::new(&counters);
        ticket.trap();
        ticket.conclude(Conclusion::Failed);
        assert_eq!(counters.read(0).traps, 1);
    }

    #[tokio::test]
    async fn idle_waits_for_the_last_one() {
        let counters = Arc::new(Counters::default());
        let (first, second) = (counters.enter(), counters.enter());
        let waiting = tokio::spawn({
            let counters = counters.clone();
            async move { counters.idle().await }
        });
        drop(first);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(second);
        waiting.await.unwrap();
    }
}
