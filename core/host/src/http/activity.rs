//! Counts what is under way, on one connection and on all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What a worker is doing now.
#[derive(Debug, Default)]
pub struct Traffic {
    connections: AtomicUsize,
    requests: AtomicUsize,
}

impl Traffic {
    /// Open connections.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Requests whose answer has not been sent in full.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

/// What one connection is doing.
#[derive(Debug)]
pub(super) struct Activity {
    traffic: Arc<Traffic>,
    opened: Instant,
    in_flight: AtomicUsize,
    /// Milliseconds from `opened` to the last byte read or the last answer's end.
    last: AtomicU64,
    is_h2: AtomicBool,
}

impl Activity {
    pub(super) fn begin(traffic: Arc<Traffic>) -> Arc<Self> {
        traffic.connections.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self {
            traffic,
            opened: Instant::now(),
            in_flight: AtomicUsize::new(0),
            last: AtomicU64::new(0),
            is_h2: AtomicBool::new(false),
        })
    }

    pub(super) fn touch(&self) {
        let now = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }

    pub(super) fn saw_h2(&self) {
        self.is_h2.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_h2(&self) -> bool {
        self.is_h2.load(Ordering::Relaxed)
    }

    /// How long the connection has been silent with nothing to answer; none while it is busy.
    pub(super) fn silent_for(&self) -> Option<Duration> {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        (self.in_flight.load(Ordering::Relaxed) == 0)
            .then(|| self.opened.elapsed().saturating_sub(last))
    }

    /// A request has come; it is over when the guard is dropped.
    pub(super) fn request(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.traffic.requests.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }
}

impl Drop for Activity {
    fn drop(&mut self) {
        self.traffic.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request under way, until its answer's body has been sent or given up.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.touch();
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.0.traffic.requests.fetch_sub(1, Ordering::Relaxed);
    }
}
