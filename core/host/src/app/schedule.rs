//! Lets the jobs of apps run at their times: only in the worker that holds the baton, until it is
//! told to drain. A held, stopped or suspended app's jobs stay due; its slot says so itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use newleaf_domain::{Clock, Timestamp};
use tokio::task::JoinSet;

use crate::adapter::{JobKey, JobRunner};
use crate::worker::WorkerContext;

/// How often it is looked for jobs that are due; the shortest interval is a minute.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How often the apps' data is measured.
const MEASURE_EVERY: Duration = Duration::from_mins(5);

/// Jobs of different apps that run at a time.
const AT_ONCE: usize = 4;

/// How long the jobs that run may take to end once the worker drains; then they are cut off.
const END_WITHIN: Duration = Duration::from_secs(5);

/// Starts it.
pub(super) fn start(runner: &JobRunner, worker: &WorkerContext, clock: &Arc<dyn Clock>) {
    let (runner, worker, clock) = (runner.clone(), worker.clone(), Arc::clone(clock));
    tokio::spawn(async move {
        if !worker.control.baton().await {
            return;
        }
        runner.remember().await;
        let mut running = Running { runner, clock, jobs: JoinSet::new(), began: BTreeMap::new() };
        tokio::select! {
            () = running.go_on() => {}
            () = worker.shutdown.begun() => {}
        }
        running.end().await;
    });
}

/// The jobs that run.
struct Running {
    runner: JobRunner,
    clock: Arc<dyn Clock>,
    jobs: JoinSet<JobKey>,
    began: BTreeMap<JobKey, Timestamp>,
}

impl Running {
    async fn go_on(&mut self) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut measure = tokio::time::interval(MEASURE_EVERY);
        let mut seen = BTreeMap::new();
        loop {
            tokio::select! {
                _ = look.tick() => {
                    for key in self.runner.due(&mut seen) {
                        self.begin(key);
                    }
                }
                _ = measure.tick() => self.runner.measure().await,
                Some(ended) = self.jobs.join_next() => self.forget(ended),
            }
        }
    }

    /// Begins a job, unless it runs, or as many do as may: then it stays due.
    fn begin(&mut self, key: JobKey) {
        if self.began.contains_key(&key) || self.jobs.len() >= AT_ONCE {
            return;
        }
        self.began.insert(key.clone(), self.clock.now());
        let runner = self.runner.clone();
        self.jobs.spawn(async move {
            if let Err(refusal) = runner.run(&key).await {
                tracing::debug!(app = %key.0, job = %key.1, %refusal, "a job is put off");
            }
            key
        });
    }

    fn forget(&mut self, ended: Result<JobKey, tokio::task::JoinError>) {
        match ended {
            Ok(key) => drop(self.began.remove(&key)),
            // Which one it was is not known: none is begun twice, since its app's slot sees to that.
            Err(error) => {
                tracing::error!(%error, "a job's task broke down");
                self.began.clear();
            }
        }
    }

    /// Gives the jobs that run their time to end, and cuts off the others.
    async fn end(mut self) {
        let all_ended = async {
            while let Some(ended) = self.jobs.join_next().await {
                if let Ok(key) = ended {
                    self.began.remove(&key);
                }
            }
        };
        if tokio::time::timeout(END_WITHIN, all_ended).await.is_err() {
            self.jobs.shutdown().await;
            self.runner.cut(std::mem::take(&mut self.began).into_iter()).await;
        }
    }
}
