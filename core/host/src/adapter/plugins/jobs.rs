//! Runs the jobs of apps and remembers what came of them. Who may run any, and when somebody looks
//! for those that are due, is decided elsewhere.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use newleaf_domain::{ByteSize, Clock, JobName, PackageName, Timestamp};
use newleaf_plugin_host::{JobError, Slot};
use newleaf_update::explain::chain;
use newleaf_update::view::{JobEnd, JobRow, JobRun};

use super::Apps;
use super::entry::Entry;
use super::timetable::{Dice, Record};
use crate::adapter::files;
use crate::db::{Db, DbError};
use crate::route::{JobRefusal, Jobs};

/// How the keys of the records begin in the table of settings.
const PREFIX: &str = "job ";

/// A job of an app.
pub(crate) type Key = (PackageName, JobName);

/// What is remembered of each job, and measured of each app's data.
#[derive(Debug, Default)]
pub(super) struct Board {
    records: Mutex<BTreeMap<Key, Record>>,
    stored: Mutex<BTreeMap<PackageName, ByteSize>>,
}

impl Board {
    fn records(&self) -> MutexGuard<'_, BTreeMap<Key, Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stored(&self) -> MutexGuard<'_, BTreeMap<PackageName, ByteSize>> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What an app's data took when it was measured last.
    pub(super) fn size_of(&self, app: &PackageName) -> Option<ByteSize> {
        self.stored().get(app).copied()
    }

    /// The jobs of the app in `slot`.
    pub(super) fn rows(&self, app: &PackageName, slot: &Slot) -> Vec<JobRow> {
        let (records, running) = (self.records(), slot.running_job());
        let loaded = slot.app();
        let row = |(job, every): (&JobName, Duration)| {
            let record = records.get(&(app.clone(), job.clone()));
            JobRow {
                job: job.clone(),
                every_seconds: every.as_secs(),
                running: running.as_ref() == Some(job),
                last: record.and_then(|record| record.last.clone()),
                failures: record.map_or(0, |record| record.failures),
                next: record.map(|record| record.next),
            }
        };
        loaded.config().grants.schedules().map(row).collect()
    }
}

/// Runs jobs of the apps of one host. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct JobRunner {
    apps: Apps,
    db: Db,
    clock: Arc<dyn Clock>,
}

/// A job that can be run: its app's slot, and its interval.
struct Runnable {
    slot: Arc<Slot>,
    every: Duration,
}

impl JobRunner {
    pub(crate) fn new(apps: Apps, db: Db, clock: Arc<dyn Clock>) -> Self {
        Self { apps, db, clock }
    }

    /// Reads what an earlier process remembered. What cannot be read is begun anew.
    pub(crate) async fn remember(&self) {
        match self.read().await {
            Ok(records) => *self.apps.board().records() = records,
            Err(error) => {
                tracing::warn!(
                    error = chain(&error),
                    "when jobs ran last is not known: they begin anew"
                );
            }
        }
    }

    /// The jobs whose time has come. A job that is seen for the first time by this process gets its
    /// time here; what belongs to no job any more is forgotten.
    pub(crate) fn due(&self, seen: &mut BTreeMap<Key, Duration>) -> Vec<Key> {
        let now = self.clock.now();
        let jobs = self.apps.jobs();
        let mut records = self.apps.board().records();
        seen.retain(|key, _| jobs.contains_key(key));
        for (key, every) in &jobs {
            if seen.insert(key.clone(), *every) == Some(*every) {
                continue;
            }
            let dice = dice();
            let record = match records.remove(key) {
                Some(record) => record.taken_up(now, *every, dice),
                None => Record::first(now, *every, dice),
            };
            records.insert(key.clone(), record);
        }
        let is_due = |key: &&Key| records.get(*key).is_some_and(|record| record.next <= now);
        jobs.keys().filter(is_due).cloned().collect()
    }

    /// Runs a job, and remembers what came of it. One that was not begun stays due.
    pub(crate) async fn run(&self, (app, job): &Key) -> Result<JobEnd, JobRefusal> {
        let Runnable { slot, every } = self.find(app, job)?;
        let key = (app.clone(), job.clone());
        let began = self.clock.now();
        let before = self.apps.board().records().get(&key).cloned();
        let before = before.unwrap_or_else(|| Record::first(began, every, Dice(0)));
        self.write(&key, before.clone().begun(began, every)).await;
        let start = Instant::now();
        let outcome = slot.run_job(job).await;
        let took_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let end = match outcome {
            Ok(()) => JobEnd::Done,
            Err(JobError::Cut) => JobEnd::Cut(JobError::Cut.to_string()),
            Err(error) if error.is_put_off() => {
                self.write(&key, before).await;
                return Err(JobRefusal::Later { reason: error.to_string() });
            }
            Err(error) => JobEnd::Failed(chain(&error)),
        };
        let record = before.after(JobRun { began, took_ms, end: end.clone() }, every);
        tell(&key, &end, &record);
        self.write(&key, record).await;
        Ok(end)
    }

    /// Notes that runs were cut off because the host ends.
    pub(crate) async fn cut(&self, keys: impl Iterator<Item = (Key, Timestamp)>) {
        for (key, began) in keys {
            let Ok(Runnable { every, .. }) = self.find(&key.0, &key.1) else { continue };
            let took = self.clock.now().seconds_since(began).max(0);
            let took_ms = u64::try_from(took).unwrap_or(0).saturating_mul(1_000);
            let end = JobEnd::Cut("the host ended or was updated".to_owned());
            let before = self.apps.board().records().get(&key).cloned();
            let before = before.unwrap_or_else(|| Record::first(began, every, Dice(0)));
            let record = before.after(JobRun { began, took_ms, end: end.clone() }, every);
            tell(&key, &end, &record);
            self.write(&key, record).await;
        }
    }

    /// Measures what each app's data takes on disk.
    pub(crate) async fn measure(&self) {
        for app in self.apps.names() {
            let data = self.apps.data(&app);
            if let Ok(size) = files::blocking(move || files::size_of(&data)).await {
                self.apps.board().stored().insert(app, ByteSize::bytes(size));
            }
        }
    }

    fn find(&self, app: &PackageName, job: &JobName) -> Result<Runnable, JobRefusal> {
        let entries = self.apps.read();
        let entry = entries.get(app).ok_or(JobRefusal::NoApp)?;
        let Some(loaded) = entry.loaded() else {
            return Err(JobRefusal::Later { reason: "the app is stopped".to_owned() });
        };
        let every = loaded
            .slot
            .app()
            .config()
            .grants
            .schedules()
            .find(|(name, _)| *name == job)
            .map(|(_, every)| every);
        every.map(|every| Runnable { slot: loaded.slot, every }).ok_or(JobRefusal::NoJob)
    }

    async fn read(&self) -> Result<BTreeMap<Key, Record>, DbError> {
        let rows: Vec<(String, String)> =
            sqlx::query_as("SELECT key, value FROM newleaf_setting WHERE key LIKE 'job %'")
                .fetch_all(self.db.reader())
                .await
                .map_err(DbError::on("read when jobs ran last"))?;
        let record = |(key, value): (String, String)| {
            let (app, job) = key.strip_prefix(PREFIX)?.split_once(' ')?;
            let key = (PackageName::parse(app).ok()?, JobName::parse(job).ok()?);
            Some((key, serde_json::from_str(&value).ok()?))
        };
        Ok(rows.into_iter().filter_map(record).collect())
    }

    /// Remembers a record, in this process whatever becomes of it on disk.
    async fn write(&self, key: &Key, record: Record) {
        let Ok(value) = serde_json::to_string(&record) else { return };
        self.apps.board().records().insert(key.clone(), record);
        let written = sqlx::query(
            "INSERT INTO newleaf_setting (key, value) VALUES (?1, ?2)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )
        .bind(format!("{PREFIX}{} {}", key.0, key.1))
        .bind(value)
        .execute(self.db.writer())
        .await;
        if let Err(error) = written.map_err(DbError::on("remember when a job ran")) {
            tracing::warn!(app = %key.0, job = %key.1, error = chain(&error), "a restart will not know of this run");
        }
    }
}

/// Tells whoever reads the log.
fn tell((app, job): &Key, end: &JobEnd, record: &Record) {
    match end {
        JobEnd::Done => tracing::info!(%app, %job, next = %record.next, "a job {end}"),
        JobEnd::Cut(_) => tracing::warn!(%app, %job, next = %record.next, "a job {end}"),
        JobEnd::Failed(_) if record.backs_off() => {
            let failures = record.failures;
            tracing::warn!(%app, %job, failures, next = %record.next, "a job {end}; it runs more rarely until it ends well");
        }
        JobEnd::Failed(_) => tracing::warn!(%app, %job, next = %record.next, "a job {end}"),
    }
}

/// A throw. Without randomness all jobs are thrown the same, which is no harm.
fn dice() -> Dice {
    let mut bytes = [0; 2];
    if getrandom::fill(&mut bytes).is_err() {
        return Dice(1 << 15);
    }
    Dice(u16::from_le_bytes(bytes))
}

#[async_trait]
impl Jobs for JobRunner {
    async fn run_now(&self, app: &PackageName, job: &JobName) -> Result<JobEnd, JobRefusal> {
        self.run(&(app.clone(), job.clone())).await
    }
}

impl Apps {
    fn board(&self) -> &Board {
        &self.0.board
    }

    fn names(&self) -> Vec<PackageName> {
        self.read().keys().cloned().collect()
    }

    /// The jobs of the apps that serve, each with its interval.
    fn jobs(&self) -> BTreeMap<Key, Duration> {
        let entries = self.read();
        let serving =
            entries.iter().filter_map(|(name, entry)| Some((name, Entry::loaded(entry)?)));
        let mut jobs = BTreeMap::new();
        for (name, loaded) in serving {
            let app = loaded.slot.app();
            if app.has_jobs() {
                let each = app.config().grants.schedules();
                jobs.extend(each.map(|(job, every)| ((name.clone(), job.clone()), every)));
            }
        }
        jobs
    }
}
