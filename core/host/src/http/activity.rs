//! Counts what is under way, on one connection and on all, and tells whose turn it is.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::Manners;
use super::ebb::Rest;

/// What a worker is doing now.
#[derive(Debug, Default)]
pub struct Traffic {
    connections: AtomicUsize,
    requests: AtomicUsize,
    /// What was cut, by what it was.
    cut: Mutex<BTreeMap<&'static str, usize>>,
    left: Notify,
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

    /// What was cut because the time to finish was over, each with its number.
    pub fn cut_so_far(&self) -> BTreeMap<&'static str, usize> {
        self.cut().clone()
    }

    /// Waits until no connection is open.
    pub(super) async fn empty(&self) {
        loop {
            let mut left = std::pin::pin!(self.left.notified());
            // Listen before looking, or the last one could leave in between.
            left.as_mut().enable();
            if self.connections() == 0 {
                return;
            }
            left.await;
        }
    }

    fn cut(&self) -> MutexGuard<'_, BTreeMap<&'static str, usize>> {
        self.cut.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// Some of it was taken.
    Some,
    /// The client has to read first.
    NoRoom,
}

/// No head has begun.
const NONE: u64 = u64::MAX;

/// What one connection is doing. Times are milliseconds from `opened`.
#[derive(Debug)]
pub(super) struct Activity {
    traffic: Arc<Traffic>,
    opened: Instant,
    in_flight: AtomicUsize,
    /// Of those in flight, the ones that wait for this host and not for their client.
    ours: AtomicUsize,
    /// When the last byte was read or the last answer ended.
    last: AtomicU64,
    /// Since when it has been the client's turn: to ask, or to read more than it did.
    turn: AtomicU64,
    /// When the first byte of a head came whose last has not.
    head: AtomicU64,
    /// What is to be written waits for the client to read.
    is_blocked: AtomicBool,
    is_h2: AtomicBool,
    /// Somebody else reads and writes it now.
    is_taken_over: AtomicBool,
    /// A body was given up before its end.
    has_unread: AtomicBool,
    /// All was answered; what still comes is thrown away.
    is_ebbing: AtomicBool,
    leave: Notify,
}

impl Activity {
    pub(super) fn begin(traffic: Arc<Traffic>) -> Arc<Self> {
        traffic.connections.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self {
            traffic,
            opened: Instant::now(),
            in_flight: AtomicUsize::new(0),
            ours: AtomicUsize::new(0),
            last: AtomicU64::new(0),
            turn: AtomicU64::new(0),
            head: AtomicU64::new(NONE),
            is_blocked: AtomicBool::new(false),
            is_h2: AtomicBool::new(false),
            is_taken_over: AtomicBool::new(false),
            has_unread: AtomicBool::new(false),
            is_ebbing: AtomicBool::new(false),
            leave: Notify::new(),
        })
    }

    /// Bytes were read.
    pub(super) fn touch(&self) {
        let now = self.now();
        self.last.store(now, Ordering::Relaxed);
        if self.in_flight.load(Ordering::Relaxed) == 0 {
            // A head that has begun goes on, and keeps its beginning.
            let _ = self.head.compare_exchange(NONE, now, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Bytes were written, or the client leaves no room for more.
    pub(super) fn wrote(&self, written: Written) {
        if written == Written::Some {
            self.turn.store(self.now(), Ordering::Relaxed);
        }
        self.is_blocked.store(written == Written::NoRoom, Ordering::Relaxed);
    }

    /// TLS is agreed upon; what was read so far is no head.
    pub(super) fn shook_hands(&self) {
        let now = self.now();
        self.last.store(now, Ordering::Relaxed);
        self.turn.store(now, Ordering::Relaxed);
        self.head.store(NONE, Ordering::Relaxed);
    }

    /// The connection changes its protocol (RFC 9110 §7.8); the bounds of HTTP end.
    pub(super) fn taken_over(&self) {
        self.is_taken_over.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_taken_over(&self) -> bool {
        self.is_taken_over.load(Ordering::Relaxed)
    }

    /// Nobody reads the rest of a body.
    pub(super) fn left_unread(&self) {
        self.has_unread.store(true, Ordering::Relaxed);
    }

    /// The last answer is sent; tells what the client may still be sending.
    pub(super) fn ebbs(&self) -> Rest {
        self.is_ebbing.store(true, Ordering::Relaxed);
        if self.has_unread.load(Ordering::Relaxed) { Rest::Body } else { Rest::Nothing }
    }

    /// The time is over for whatever this connection does; counts it by that.
    pub(super) fn cut(&self) {
        *self.traffic.cut().entry(self.does()).or_default() += 1;
    }

    /// What it does, for people.
    fn does(&self) -> &'static str {
        if self.is_blocked() {
            "an answer that its client does not read"
        } else if self.ours.load(Ordering::Relaxed) > 0 {
            "a request that was not answered"
        } else if !self.is_idle() {
            "an answer that did not end"
        } else if self.is_ebbing.load(Ordering::Relaxed) {
            "a client that went on sending after its answer"
        } else if !self.is_h2() && self.head.load(Ordering::Relaxed) != NONE {
            "a request or handshake that came in part"
        } else {
            "an idle connection"
        }
    }

    pub(super) fn saw_h2(&self) {
        self.is_h2.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_h2(&self) -> bool {
        self.is_h2.load(Ordering::Relaxed)
    }

    /// How long the connection has been silent with nothing to answer; none while it is busy.
    pub(super) fn silent_for(&self) -> Option<Duration> {
        self.is_idle().then(|| self.since(&self.last))
    }

    /// How long the connection has been without a request, whatever came of a next one; none
    /// while it is busy.
    pub(super) fn idle_for(&self) -> Option<Duration> {
        let is_busy = !self.is_idle() || self.is_blocked() || self.is_taken_over();
        (!is_busy).then(|| self.since(&self.turn))
    }

    /// How much longer the client may take for what it owes now; zero where it took too long.
    pub(super) fn patience(&self, manners: &Manners) -> Duration {
        let again = manners.head_within.min(manners.stall_within).min(manners.idle_within);
        let stall = manners.stall_within.saturating_sub(self.since(&self.turn)).min(again);
        if self.is_blocked() {
            return stall;
        }
        // What ebbs has bounds of its own.
        if self.ours.load(Ordering::Relaxed) > 0 || self.is_ebbing.load(Ordering::Relaxed) {
            return again;
        }
        if !self.is_idle() {
            return stall;
        }
        let idle = manners.idle_within.saturating_sub(self.since(&self.turn));
        // Between two requests HTTP/2 has frames that are no head.
        if self.is_h2() || self.head.load(Ordering::Relaxed) == NONE {
            return idle.min(again);
        }
        idle.min(manners.head_within.saturating_sub(self.since(&self.head))).min(again)
    }

    /// Asks the connection to give way to others; it does where it is still idle.
    pub(super) fn ask_to_leave(&self) {
        self.leave.notify_one();
    }

    /// Waits until it is to give way.
    pub(super) async fn asked_to_leave(&self) {
        loop {
            self.leave.notified().await;
            if self.idle_for().is_some() {
                return;
            }
        }
    }

    /// A request has come; it is over when the guard is dropped.
    pub(super) fn request(self: &Arc<Self>) -> InFlight {
        self.head.store(NONE, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.ours.fetch_add(1, Ordering::Relaxed);
        self.traffic.requests.fetch_add(1, Ordering::Relaxed);
        InFlight { activity: Arc::clone(self), is_ours: true }
    }

    fn is_blocked(&self) -> bool {
        self.is_blocked.load(Ordering::Relaxed)
    }

    fn is_idle(&self) -> bool {
        self.in_flight.load(Ordering::Relaxed) == 0
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn since(&self, moment: &AtomicU64) -> Duration {
        let moment = Duration::from_millis(moment.load(Ordering::Relaxed));
        self.opened.elapsed().saturating_sub(moment)
    }
}

impl Drop for Activity {
    fn drop(&mut self) {
        if self.traffic.connections.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.traffic.left.notify_waiters();
        }
    }
}

/// A request under way, until its answer's body has been sent or given up.
#[derive(Debug)]
pub(super) struct InFlight {
    activity: Arc<Activity>,
    is_ours: bool,
}

impl InFlight {
    /// The host has to go on with it.
    pub(super) fn our_turn(&mut self) {
        if !self.is_ours {
            self.activity.ours.fetch_add(1, Ordering::Relaxed);
            self.is_ours = true;
        }
    }

    /// The client has to read before it can go on.
    pub(super) fn clients_turn(&mut self) {
        self.activity.turn.store(self.activity.now(), Ordering::Relaxed);
        if self.is_ours {
            self.activity.ours.fetch_sub(1, Ordering::Relaxed);
            self.is_ours = false;
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.clients_turn();
        let activity = &self.activity;
        activity.last.store(activity.now(), Ordering::Relaxed);
        activity.in_flight.fetch_sub(1, Ordering::Relaxed);
        activity.traffic.requests.fetch_sub(1, Ordering::Relaxed);
    }
}
