//! Counts what an app's requests came to, for the page that shows it and for probation.

mod lately;
mod ticket;

use std::collections::BTreeMap;
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, Weak,
    atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst},
};
use std::time::Duration;

use tokio::sync::Notify;

pub use self::lately::Lately;
use self::lately::Recorder;
pub(crate) use self::ticket::{Conclusion, Noted, Served, Ticket, Turn};
use crate::{egress::OutboundStats, latency::Latency};

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
    /// leaves an app that never answers is no excuse for it: that is counted all the same. Runs of
    /// jobs that ended so are among them.
    pub traps: u64,
    /// Answers of the 5xx class, the host's own for a trap included.
    pub server_errors: u64,
    /// Requests turned away since the app had too much to do: none of its places became free in
    /// time, or its instances had all the memory that they may have together.
    pub refused: u64,
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

/// How the run of a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobEnd {
    /// Well.
    Done,
    /// The app says that it failed, or it was cut off.
    Failed,
    /// It trapped or used up a limit.
    Trapped,
}

/// The counters behind [`AppStats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) requests: AtomicU64,
    answered: AtomicU64,
    traps: AtomicU64,
    server_errors: AtomicU64,
    refused: AtomicU64,
    lately: Recorder,
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
            refused: self.refused.load(Relaxed),
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
    pub(crate) fn job(&self, end: JobEnd) {
        self.job_runs.fetch_add(1, Relaxed);
        self.job_failures.fetch_add(u64::from(end != JobEnd::Done), Relaxed);
        if end == JobEnd::Trapped {
            self.trap();
        }
    }

    /// Notes a breakdown.
    fn trap(&self) {
        self.traps.fetch_add(1, SeqCst);
        self.failed.notify_waiters();
    }

    /// Notes a request that is turned away, since the app has too much to do.
    pub(crate) fn refuse(&self) {
        self.refused.fetch_add(1, Relaxed);
        self.lately.refused();
    }

    /// How the app served its visitors in its last minutes.
    pub(crate) fn lately(&self) -> Lately {
        self.lately.read()
    }

    /// Notes that something of the app runs, until the last clone of the result is dropped.
    pub(crate) fn enter(self: &Arc<Self>) -> Arc<Running> {
        self.running.fetch_add(1, SeqCst);
        Arc::new(Running(self.clone()))
    }

    /// Forgets the answers so far, such as those to the host's own questions.
    pub(crate) fn count_answers_anew(&self) {
        self.answered.store(0, SeqCst);
        self.lately.begin_anew();
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
        tickets.iter().filter(|ticket| ticket.is_worked_on()).map(|it| it.age()).max()
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

#[cfg(test)]
mod tests {
    use super::*;

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
