//! One request of an app, and what is noted of it on its way.

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicBool, Ordering::Relaxed, Ordering::SeqCst},
};
use std::time::{Duration, Instant};

use http::StatusCode;
use tokio::sync::Notify;

use super::{Counters, Running};
use crate::{app::Failure, egress::Outbound};

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

/// Whether an instance serves a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Served {
    /// One does.
    Now,
    /// It has ended.
    NoMore,
}

/// Whose turn it is to go on with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The app's, or the host's.
    Ours,
    /// The client's.
    Clients,
}

/// Whether a failure is news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noted {
    /// It is.
    First,
    /// The request had failed before.
    Before,
}

/// One request from its arrival to the end of its response. Shared by whoever answers it and by
/// its instance, so that a trap is judged by whether somebody still waited.
#[derive(Debug)]
pub(crate) struct Ticket {
    counters: Arc<Counters>,
    number: u64,
    /// Method and path, for whoever is told of it.
    what: String,
    arrived: Instant,
    running: Mutex<Option<Arc<Running>>>,
    concluded: AtomicBool,
    nobody_waits: AtomicBool,
    trapped: AtomicBool,
    failure: OnceLock<Failure>,
    /// An instance serves it.
    served: AtomicBool,
    /// The client has yet to send what the app asks for.
    unsent: AtomicBool,
    /// The client has yet to read what the app wrote.
    unread: AtomicBool,
    /// Since when an answer has been the app's to give; none before it has the request.
    owed_since: Mutex<Option<Instant>>,
    /// The app has begun its answer.
    answered: AtomicBool,
    is_cut: AtomicBool,
    cut: Notify,
    /// Its instance has ended.
    is_over: AtomicBool,
    over: Notify,
    /// The log says why it failed.
    is_told: AtomicBool,
    /// What holds for what the app asks of the outside meanwhile, where that was said.
    outbound: OnceLock<Outbound>,
}

impl Ticket {
    /// A ticket for a request that has just arrived.
    pub(crate) fn new(counters: &Arc<Counters>, what: String) -> Arc<Self> {
        let number = counters.requests.fetch_add(1, Relaxed);
        counters.in_flight.fetch_add(1, SeqCst);
        let ticket = Arc::new(Self {
            running: Mutex::new(Some(counters.enter())),
            counters: counters.clone(),
            number,
            what,
            arrived: Instant::now(),
            concluded: AtomicBool::new(false),
            nobody_waits: AtomicBool::new(false),
            trapped: AtomicBool::new(false),
            failure: OnceLock::new(),
            served: AtomicBool::new(false),
            unsent: AtomicBool::new(false),
            unread: AtomicBool::new(false),
            owed_since: Mutex::default(),
            answered: AtomicBool::new(false),
            is_cut: AtomicBool::new(false),
            cut: Notify::new(),
            is_over: AtomicBool::new(false),
            over: Notify::new(),
            is_told: AtomicBool::new(false),
            outbound: OnceLock::new(),
        });
        counters.tickets().insert(number, Arc::downgrade(&ticket));
        ticket
    }

    /// Says what holds for what the app asks of the outside while it answers; the first word counts.
    pub(crate) fn bound_by(&self, outbound: Outbound) {
        self.outbound.get_or_init(|| outbound);
    }

    /// What holds for what the app asks of the outside while it answers.
    pub(crate) fn outbound(&self) -> Outbound {
        self.outbound.get().copied().unwrap_or_default()
    }

    /// Notes that the request has its place among those that run.
    pub(crate) fn admitted(&self) {
        *self.owed_since() = Some(Instant::now());
    }

    /// Notes that the app has begun its answer, of this class.
    pub(crate) fn answers(&self, status: StatusCode) {
        self.counters.lately.waited(self.owes_answer_for());
        self.answered.store(true, SeqCst);
        if status.is_server_error() {
            self.counters.server_error();
        } else {
            self.counters.answered.fetch_add(1, SeqCst);
        }
    }

    /// How long ago it came.
    pub(super) fn age(&self) -> Duration {
        self.arrived.elapsed()
    }

    /// How long the app has owed an answer; no time where it is another's turn, or it has begun.
    pub(super) fn owes_answer_for(&self) -> Duration {
        let over = [&self.answered, &self.unsent, &self.is_cut, &self.is_over];
        if over.iter().any(|it| it.load(SeqCst)) {
            return Duration::ZERO;
        }
        self.owed_since().map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn owed_since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.owed_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that an instance begins to serve the request, or has ended.
    pub(crate) fn served(&self, served: Served) {
        self.served.store(served == Served::Now, SeqCst);
        if served == Served::NoMore {
            self.is_over.store(true, SeqCst);
            self.over.notify_waiters();
        }
    }

    /// Notes whether the app waits for the client to send.
    pub(crate) fn waits_for_body(&self, turn: Turn) {
        let was_unsent = self.unsent.swap(turn == Turn::Clients, SeqCst);
        if was_unsent && turn == Turn::Ours {
            // The app can be blamed for none of the time that the client took.
            *self.owed_since() = Some(Instant::now());
        }
    }

    /// Notes whether the app's answer waits for the client to read.
    pub(crate) fn waits_for_reader(&self, turn: Turn) {
        self.unread.store(turn == Turn::Clients, SeqCst);
    }

    /// Ends the request where it waits for its client; gives its name where that cut it short.
    pub(super) fn cut(&self) -> Option<String> {
        let waits = self.unsent.load(SeqCst) || self.unread.load(SeqCst);
        if !waits || self.is_cut.load(SeqCst) {
            return None;
        }
        // What still runs of it is its instance, which counts by itself.
        drop(self.running().take());
        if self.served.load(SeqCst) {
            self.fail(Failure::ClientTooSlow);
            self.nobody_waits.store(true, SeqCst);
            self.end();
            return Some(self.what.clone());
        }
        None
    }

    /// Ends the request whatever it waits for; gives its name where that cut it short. One that has
    /// not found its place yet ends before it reaches the app.
    pub(super) fn cut_work(&self) -> Option<String> {
        if self.is_cut.load(SeqCst) {
            return None;
        }
        if self.is_over.load(SeqCst) {
            drop(self.running().take());
            return None;
        }
        self.counters.lately.waited(self.owes_answer_for());
        self.fail(Failure::Held);
        self.nobody_waits.store(true, SeqCst);
        self.end();
        // What still runs of it is its instance, which counts by itself.
        if self.served.load(SeqCst) {
            drop(self.running().take());
        }
        Some(self.what.clone())
    }

    /// Whether it is the app's turn.
    pub(super) fn is_worked_on(&self) -> bool {
        let waits = self.unsent.load(SeqCst) || self.unread.load(SeqCst);
        self.served.load(SeqCst) && !waits && !self.is_cut.load(SeqCst)
    }

    /// Notes that the log says why the request failed; whether it did before.
    pub(crate) fn tell(&self) -> Noted {
        if self.is_told.swap(true, SeqCst) { Noted::Before } else { Noted::First }
    }

    /// Waits until the instance has ended.
    pub(crate) async fn until_over(&self) {
        let mut over = std::pin::pin!(self.over.notified());
        // Listen before looking, or the end could come in between.
        over.as_mut().enable();
        if !self.is_over.load(SeqCst) {
            over.await;
        }
    }

    /// Waits until the request is cut.
    pub(crate) async fn until_cut(self: Arc<Self>) {
        let mut cut = std::pin::pin!(self.cut.notified());
        // Listen before looking, or the cut could come in between.
        cut.as_mut().enable();
        if !self.is_cut.load(SeqCst) {
            cut.await;
        }
    }

    fn running(&self) -> MutexGuard<'_, Option<Arc<Running>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes how the response ended; the first note counts.
    pub(crate) fn conclude(&self, conclusion: Conclusion) {
        if self.concluded.swap(true, SeqCst) {
            return;
        }
        self.counters.latency.count(self.arrived.elapsed());
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

    /// Notes why the instance is ended; the first note counts, and only that is told.
    pub(crate) fn fail(&self, failure: Failure) -> Noted {
        // A second reason is a consequence of the first.
        if self.failure.set(failure).is_err() {
            return Noted::Before;
        }
        let overran = matches!(failure, Failure::WallClock | Failure::CpuTime);
        if overran && !self.answered.load(SeqCst) && !self.unsent.load(SeqCst) {
            // No client is patient enough to be there at the end of such a request.
            self.count_trap();
        }
        Noted::First
    }

    /// Method and path of the request.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// Ends the instance: nothing more that it says is wanted.
    pub(crate) fn end(&self) {
        self.is_cut.store(true, SeqCst);
        self.cut.notify_waiters();
    }

    /// Why the instance was ended, where that was noted.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.failure.get().copied()
    }

    /// Notes that the instance trapped, once, and only where somebody still waited.
    pub(crate) fn trap(&self) {
        if !self.nobody_waits() {
            self.count_trap();
        }
    }

    fn count_trap(&self) {
        if !self.trapped.swap(true, SeqCst) {
            self.counters.trap();
        }
    }

    /// Whether nobody waits for the rest of the response.
    pub(crate) fn nobody_waits(&self) -> bool {
        self.nobody_waits.load(SeqCst)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.counters.tickets().remove(&self.number);
        self.counters.in_flight.fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::OutboundStats;

    #[test]
    fn a_trap_after_the_client_left_is_no_failure() {
        let counters = Arc::new(Counters::default());
        let ticket = Ticket::new(&counters, String::new());
        ticket.conclude(Conclusion::ClientGone);
        ticket.trap();
        let stats = counters.read(0, OutboundStats::default());
        assert_eq!((stats.traps, stats.clients_gone), (0, 1));
    }

    #[test]
    fn a_trap_is_counted_once() {
        let counters = Arc::new(Counters::default());
        let ticket = Ticket::new(&counters, String::new());
        ticket.trap();
        ticket.conclude(Conclusion::Failed);
        assert_eq!(counters.read(0, OutboundStats::default()).traps, 1);
    }

    #[test]
    fn a_limit_that_is_reached_without_an_answer_counts_though_the_client_has_left() {
        for failure in [Failure::WallClock, Failure::CpuTime] {
            let counters = Arc::new(Counters::default());
            let (silent, answers) =
                (Ticket::new(&counters, String::new()), Ticket::new(&counters, String::new()));
            answers.answers(StatusCode::OK);
            for ticket in [&silent, &answers] {
                ticket.conclude(Conclusion::ClientGone);
                ticket.fail(failure);
                ticket.trap();
            }
            let stats = counters.read(0, OutboundStats::default());
            assert_eq!((stats.traps, stats.clients_gone, stats.answered), (1, 2, 1), "{failure:?}");
        }
    }

    #[test]
    fn an_answer_is_owed_from_when_the_app_has_the_request_until_it_begins_one() {
        let counters = Arc::new(Counters::default());
        let owed = || counters.without_answer(Duration::ZERO);
        let ticket = Ticket::new(&counters, String::new());
        assert_eq!(owed(), 0, "it waits for its place");
        ticket.admitted();
        assert_eq!(owed(), 1);
        ticket.waits_for_body(Turn::Clients);
        assert_eq!(owed(), 0, "it waits for its client");
        ticket.waits_for_body(Turn::Ours);
        assert_eq!((owed(), counters.without_answer(Duration::from_hours(1))), (1, 0));
        ticket.conclude(Conclusion::ClientGone);
        assert_eq!(owed(), 1, "the app still works on it");
        ticket.answers(StatusCode::OK);
        assert_eq!(owed(), 0, "an event stream has a head and no end");
        counters.count_answers_anew();
        assert_eq!(counters.read(0, OutboundStats::default()).answered, 0);
    }

    #[test]
    fn how_long_answers_were_owed_is_remembered_for_the_version_after() {
        let counters = Arc::new(Counters::default());
        let arrived = |ago: u64| {
            let ticket = Ticket::new(&counters, String::new());
            *ticket.owed_since() = Instant::now().checked_sub(Duration::from_secs(ago));
            ticket
        };
        let (quick, slow, cut) = (arrived(0), arrived(31), arrived(40));
        quick.answers(StatusCode::OK);
        slow.answers(StatusCode::OK);
        cut.cut_work();
        counters.refuse();
        let lately = counters.lately();
        assert_eq!((lately.asked(), lately.refused()), (4, 1));
        assert_eq!(lately.waited(Duration::from_secs(30)), 2);
        assert_eq!(counters.read(0, OutboundStats::default()).refused, 1);
        counters.count_answers_anew();
        assert_eq!(counters.lately().asked(), 0);
    }

    #[test]
    fn only_what_waits_for_its_client_is_cut() {
        let counters = Arc::new(Counters::default());
        let named = |what: &str| {
            let ticket = Ticket::new(&counters, what.to_owned());
            ticket.served(Served::Now);
            ticket
        };
        let (sends, reads, works) = (named("sends"), named("reads"), named("works"));
        sends.waits_for_body(Turn::Clients);
        reads.waits_for_reader(Turn::Clients);
        works.waits_for_body(Turn::Clients);
        works.waits_for_body(Turn::Ours);
        assert_eq!(counters.cut_those_that_wait_for_clients(), ["sends", "reads"]);
        assert!(counters.cut_those_that_wait_for_clients().is_empty(), "cut twice");
        assert_eq!(sends.failure(), Some(Failure::ClientTooSlow));
        sends.trap();
        let stats = counters.read(0, OutboundStats::default());
        assert_eq!((works.failure(), stats.traps), (None, 0));
    }

    #[test]
    fn at_the_end_of_a_drain_what_the_app_works_on_is_cut_and_what_is_only_read_is_not() {
        let counters = Arc::new(Counters::default());
        let named = |what: &str| Ticket::new(&counters, what.to_owned());
        let (works, reads, queues) = (named("works"), named("reads"), named("queues"));
        assert_eq!(counters.longest_work(), None);
        works.served(Served::Now);
        assert!(counters.longest_work().is_some());
        reads.served(Served::Now);
        reads.served(Served::NoMore);
        reads.waits_for_reader(Turn::Clients);
        assert_eq!(counters.cut_those_that_run(), ["works", "queues"]);
        assert!(counters.cut_those_that_run().is_empty(), "cut twice");
        assert_eq!(counters.longest_work(), None);
        let failures = [&works, &reads, &queues].map(|ticket| ticket.failure());
        assert_eq!(failures, [Some(Failure::Held), None, Some(Failure::Held)]);
    }

    #[tokio::test]
    async fn an_answer_that_is_complete_keeps_nothing_waiting_however_slowly_it_is_read() {
        let counters = Arc::new(Counters::default());
        let ticket = Ticket::new(&counters, String::new());
        ticket.served(Served::Now);
        ticket.waits_for_reader(Turn::Clients);
        ticket.served(Served::NoMore);
        assert!(counters.cut_those_that_wait_for_clients().is_empty(), "nothing is cut short");
        counters.idle().await;
        assert_eq!(ticket.failure(), None);
    }
}
