//! Counts what an app's requests came to, for the page that shows it and for probation.

use std::collections::BTreeMap;
use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst},
};

use std::time::{Duration, Instant};

use http::StatusCode;
use tokio::sync::Notify;

use crate::{app::Failure, egress::OutboundStats, latency::Latency};

/// What an app has done since it was loaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AppStats {
    /// Requests taken.
    pub requests: u64,
    /// Requests whose answer is not complete, or whose instance still lives.
    pub in_flight: usize,
    /// Answers below the 5xx class that the app itself has begun since it was put into its slot.
    pub answered: u64,
    /// Requests whose instance trapped or used up a limit, unless the client had left before. Who
    /// leaves an app that never answers is no excuse for it: that is counted all the same.
    pub traps: u64,
    /// Answers of the 5xx class, the host's own for a trap included.
    pub server_errors: u64,
    /// Requests whose client went away before the answer was complete; not failures.
    pub clients_gone: u64,
    /// Transactions that changed stored data since the app was put into its slot; what `init` and
    /// `migrate` wrote before is not among them.
    pub writes: u64,
    /// What the app asked of the outside.
    pub outbound: OutboundStats,
    /// The time that half of the requests did not exceed, from their arrival to the end of the
    /// answer; none before the first.
    pub p50: Option<Duration>,
    /// The same for 99 of 100.
    pub p99: Option<Duration>,
    /// Processor time of requests, jobs and lifecycle calls that have ended, SQL included. The
    /// guest's part is counted in steps of 10 ms, so it is right for many, not for one.
    pub cpu: Duration,
    /// The most linear memory that one instance had, in bytes.
    pub memory: u64,
    /// Instances made for requests: as many as requests, and fewer where they are used again.
    pub instances: u64,
    /// What its jobs came to.
    pub jobs: JobStats,
}

/// What an app's jobs came to since it was loaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JobStats {
    /// Runs that have ended, well or not.
    pub runs: u64,
    /// Those that failed or were cut off.
    pub failures: u64,
}

/// The counters behind [`AppStats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) requests: AtomicU64,
    answered: AtomicU64,
    traps: AtomicU64,
    server_errors: AtomicU64,
    clients_gone: AtomicU64,
    in_flight: AtomicUsize,
    running: AtomicUsize,
    idle: Notify,
    failed: Notify,
    /// The requests that have not ended, by the number they came as.
    tickets: Mutex<BTreeMap<u64, Weak<Ticket>>>,
    latency: Latency,
    cpu_us: AtomicU64,
    memory: AtomicU64,
    instances: AtomicU64,
    job_runs: AtomicU64,
    job_failures: AtomicU64,
}

impl Counters {
    /// Everything, with what the storage layer and the way out have counted.
    pub(crate) fn read(&self, writes: u64, outbound: OutboundStats) -> AppStats {
        AppStats {
            requests: self.requests.load(Relaxed),
            in_flight: self.in_flight.load(SeqCst),
            answered: self.answered.load(SeqCst),
            traps: self.traps.load(Relaxed),
            server_errors: self.server_errors.load(Relaxed),
            clients_gone: self.clients_gone.load(Relaxed),
            writes,
            outbound,
            p50: self.latency.percentile(500),
            p99: self.latency.percentile(990),
            cpu: Duration::from_micros(self.cpu_us.load(Relaxed)),
            memory: self.memory.load(Relaxed),
            instances: self.instances.load(Relaxed),
            jobs: JobStats {
                runs: self.job_runs.load(Relaxed),
                failures: self.job_failures.load(Relaxed),
            },
        }
    }

    /// Notes what an instance that has ended used: processor time, and its largest memory in bytes.
    pub(crate) fn used(&self, cpu: Duration, memory: u64) {
        let micros = u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX);
        self.cpu_us.fetch_add(micros, Relaxed);
        self.memory.fetch_max(memory, Relaxed);
    }

    /// Notes an instance that is made for a request.
    pub(crate) fn instance(&self) {
        self.instances.fetch_add(1, Relaxed);
    }

    /// Notes the end of a job.
    pub(crate) fn job(&self, failed: bool) {
        self.job_runs.fetch_add(1, Relaxed);
        self.job_failures.fetch_add(u64::from(failed), Relaxed);
    }

    /// Notes that something of the app runs, until the last clone of the result is dropped.
    pub(crate) fn enter(self: &Arc<Self>) -> Arc<Running> {
        self.running.fetch_add(1, SeqCst);
        Arc::new(Running(self.clone()))
    }

    /// Forgets the answers so far, such as those to the host's own questions.
    pub(crate) fn count_answers_anew(&self) {
        self.answered.store(0, SeqCst);
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

    /// Ends every request that waits for its client to send or to read, and names those that were
    /// cut short. One that is only read slowly, and that nothing of the app serves any more, is
    /// no longer counted as running, and goes on.
    pub(crate) fn cut_those_that_wait_for_clients(&self) -> Vec<String> {
        let tickets: Vec<_> = self.tickets().values().filter_map(Weak::upgrade).collect();
        tickets.iter().filter_map(|ticket| ticket.cut()).collect()
    }

    /// Ends every request that still runs, and names those that were cut short: they are told to come
    /// again. For the end of a drain, which nobody may hold up.
    pub(crate) fn cut_those_that_run(&self) -> Vec<String> {
        let tickets: Vec<_> = self.tickets().values().filter_map(Weak::upgrade).collect();
        tickets.iter().filter_map(|ticket| ticket.cut_work()).collect()
    }

    /// How long the request that the app has been working on for longest has been there; none where
    /// it works on none, or only waits for clients.
    pub(crate) fn longest_work(&self) -> Option<Duration> {
        let tickets: Vec<_> = self.tickets().values().filter_map(Weak::upgrade).collect();
        tickets.iter().filter(|ticket| ticket.is_worked_on()).map(|it| it.arrived.elapsed()).max()
    }

    /// How many requests the app has been working on for longer than `patience` without an answer,
    /// whether their clients still wait or have given up. A client that has yet to send its body
    /// is waited for, and an answer that has begun is one, however long it goes on.
    pub(crate) fn without_answer(&self, patience: Duration) -> u64 {
        let tickets: Vec<_> = self.tickets().values().filter_map(Weak::upgrade).collect();
        tickets.iter().filter(|ticket| ticket.owes_answer_for() > patience).count() as u64
    }

    fn tickets(&self) -> MutexGuard<'_, BTreeMap<u64, Weak<Ticket>>> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
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
        });
        counters.tickets().insert(number, Arc::downgrade(&ticket));
        ticket
    }

    /// Notes that the request has its place among those that run.
    pub(crate) fn admitted(&self) {
        *self.owed_since() = Some(Instant::now());
    }

    /// Notes that the app has begun its answer, of this class.
    pub(crate) fn answers(&self, status: StatusCode) {
        self.answered.store(true, SeqCst);
        if status.is_server_error() {
            self.counters.server_error();
        } else {
            self.counters.answered.fetch_add(1, SeqCst);
        }
    }

    /// How long the app has owed an answer; no time where it is another's turn, or it has begun.
    fn owes_answer_for(&self) -> Duration {
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
    fn cut(&self) -> Option<String> {
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
    fn cut_work(&self) -> Option<String> {
        if self.is_cut.load(SeqCst) {
            return None;
        }
        if self.is_over.load(SeqCst) {
            drop(self.running().take());
            return None;
        }
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
    fn is_worked_on(&self) -> bool {
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
        self.counters.tickets().remove(&self.number);
        self.counters.in_flight.fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
