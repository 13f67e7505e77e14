//! Apps of a fake machine: their data is a list of notes with a schema, their requests are a count.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use newleaf_domain::{ByteSize, PackageName, Timestamp};
use newleaf_launcher::state::AppSlot;

use super::disk::{Data, Disk, Fault, Point};
use crate::port::{
    AppRehearsed, Counting, Drained, Faults, Kept, PluginError, Plugins, Probation, Removed,
    Serving, StoreError, Traffic, Trouble,
};

/// An app as it runs.
#[derive(Debug, Clone)]
struct Running {
    slot: AppSlot,
    held: bool,
    stopped: Option<String>,
    left_behind: bool,
    /// The commits there had been when it took over; none where that was in another process.
    since: Option<u64>,
}

/// The apps that run, made from `state` at each start.
#[derive(Debug)]
pub struct FakePlugins {
    disk: Arc<Disk>,
    running: Mutex<BTreeMap<PackageName, Running>>,
    /// Changes to the data of each app in this process, whoever made them: a migration's are among
    /// them, and must not be taken for somebody's writes.
    commits: Mutex<BTreeMap<PackageName, u64>>,
    visitors: Mutex<BTreeMap<PackageName, String>>,
    pauses: Mutex<Vec<Duration>>,
}

impl FakePlugins {
    /// Loads every app but those that an update was busy with: they wait for recovery.
    pub(super) fn start(disk: Arc<Disk>) -> Self {
        let apps = disk.state().apps;
        let loaded = apps.into_iter().filter_map(|(name, app)| {
            let slot = app.good.filter(|_| app.trial.is_none() && !app.disabled)?;
            let (held, stopped, left_behind, since) = (false, None, false, None);
            Some((name, Running { slot, held, stopped, left_behind, since }))
        });
        let running = Mutex::new(loaded.collect());
        let (commits, visitors, pauses) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { disk, running, commits, visitors, pauses }
    }

    /// Someone writes a note, if the app serves.
    pub fn write(&self, app: &PackageName, note: &str) -> bool {
        if self.serves(app).is_none() {
            return false;
        }
        self.commit(app);
        self.disk.lock().data.entry(app.clone()).or_default().notes.push(note.to_owned());
        true
    }

    /// What visitors were told they have to wait, each time.
    pub fn pauses(&self) -> Vec<Duration> {
        lock(&self.pauses).clone()
    }

    /// Someone waits behind the next hold of the app, to write a note as soon as it is released.
    pub fn write_at_release(&self, app: &PackageName, note: &str) {
        lock(&self.visitors).insert(app.clone(), note.to_owned());
    }

    fn commit(&self, app: &PackageName) {
        *lock(&self.commits).entry(app.clone()).or_default() += 1;
    }

    fn commits(&self, app: &PackageName) -> u64 {
        lock(&self.commits).get(app).copied().unwrap_or_default()
    }

    /// The app cannot be loaded on this core.
    pub fn suspend(&self, app: &PackageName, why: &str) {
        self.edit(app, |running| {
            (running.stopped, running.left_behind) = (Some(why.to_owned()), true);
        });
    }

    /// Whether requests of the app are answered now.
    pub fn serves(&self, app: &PackageName) -> Option<String> {
        self.edit(app, |it| (!it.held && it.stopped.is_none()).then(|| it.slot.version.to_string()))
            .flatten()
    }

    fn edit<R>(&self, app: &PackageName, change: impl FnOnce(&mut Running) -> R) -> Option<R> {
        lock(&self.running).get_mut(app).map(change)
    }

    fn stop_at(&self, point: Point, app: &PackageName, doing: &str) -> Result<(), PluginError> {
        match self.disk.fault(point) {
            None => Ok(()),
            Some(Fault::Machine) => Err(PluginError::Io {
                doing: "written",
                path: "/srv/newleaf/data".into(),
                source: std::io::ErrorKind::StorageFull.into(),
            }),
            Some(Fault::Version) => Err(PluginError::Failed {
                app: app.clone(),
                doing: doing.to_owned(),
                detail: "it trapped".to_owned(),
            }),
        }
    }

    fn unknown(app: &PackageName) -> PluginError {
        PluginError::Unknown { app: app.clone() }
    }
}

/// The value behind a lock; a panic under it leaves plain values.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Plugins for FakePlugins {
    async fn prepare(&self, app: &PackageName, _slot: &AppSlot) -> Result<String, PluginError> {
        self.stop_at(Point::Prepare, app, "compile")?;
        Ok("compiled".to_owned())
    }

    async fn calm(&self, _app: &PackageName) {}

    async fn hold(&self, app: &PackageName) -> Result<(), PluginError> {
        self.edit(app, |running| running.held = true).ok_or_else(|| Self::unknown(app))
    }

    async fn pause(&self, app: &PackageName, left: Duration) -> Result<(), PluginError> {
        lock(&self.pauses).push(left);
        self.edit(app, |running| running.held = true).ok_or_else(|| Self::unknown(app))
    }

    fn traffic(&self, _app: &PackageName) -> Traffic {
        self.disk.lock().traffic
    }

    async fn rehearsal_needs(&self, _app: &PackageName) -> Result<ByteSize, PluginError> {
        Ok(self.disk.lock().app_rehearsal_needs)
    }

    async fn rehearse(
        &self,
        app: &PackageName,
        slot: &AppSlot,
        from: u32,
        _within: Duration,
    ) -> Result<AppRehearsed, PluginError> {
        self.stop_at(Point::Rehearse, app, &format!("migrate from {from} to {}", slot.schema))?;
        Ok(self.disk.lock().app_rehearsed.clone())
    }

    async fn drained(&self, app: &PackageName, _within: Duration) -> Result<Drained, PluginError> {
        self.stop_at(Point::Drain, app, "drain")?;
        Ok(Drained::default())
    }

    async fn snapshot(&self, app: &PackageName, folder: &str) -> Result<ByteSize, PluginError> {
        self.stop_at(Point::Snapshot, app, "copy")?;
        let mut disk = self.disk.lock();
        let data = disk.data.get(app).cloned();
        disk.snapshots.insert(folder.to_owned(), data);
        Ok(ByteSize::kib(4))
    }

    async fn restore(&self, app: &PackageName, folder: &str) -> Result<(), PluginError> {
        self.stop_at(Point::Restore, app, "restore")?;
        let mut disk = self.disk.lock();
        match disk.snapshots.get(folder).cloned() {
            Some(Some(data)) => {
                disk.data.insert(app.clone(), data);
            }
            Some(None) => {
                disk.data.remove(app);
            }
            None => {
                return Err(PluginError::Io {
                    doing: "read",
                    path: folder.into(),
                    source: std::io::ErrorKind::NotFound.into(),
                });
            }
        }
        Ok(())
    }

    async fn keep(&self, app: &PackageName, kept: Kept) -> Result<(), StoreError> {
        if self.disk.fault(Point::Keep).is_some() {
            return Err(StoreError::Io {
                doing: "written",
                path: "/srv/newleaf/data".into(),
                source: std::io::ErrorKind::StorageFull.into(),
            });
        }
        self.disk.lock().kept.insert(app.clone(), kept);
        Ok(())
    }

    async fn kept(&self, app: &PackageName) -> Result<Option<Kept>, StoreError> {
        let disk = self.disk.lock();
        Ok(disk.kept.get(app).copied().filter(|_| disk.data.contains_key(app)))
    }

    async fn data_size(&self, _app: &PackageName) -> Result<ByteSize, PluginError> {
        Ok(ByteSize::kib(4))
    }

    async fn migrate(
        &self,
        app: &PackageName,
        slot: &AppSlot,
        from: Option<u32>,
        _within: Duration,
    ) -> Result<(), PluginError> {
        let migration = self.disk.lock().migration;
        tokio::time::sleep(migration).await;
        let fault = self.stop_at(Point::Migrate, app, "migrate");
        let mut disk = self.disk.lock();
        if from.is_none() && disk.data.get(app).is_some_and(|data| !data.notes.is_empty()) {
            let (app, doing) = (app.clone(), "prepare its data".to_owned());
            let detail = "there is a table of notes already".to_owned();
            return Err(PluginError::Failed { app, doing, detail });
        }
        self.commit(app);
        let data: &mut Data = disk.data.entry(app.clone()).or_default();
        data.schema = slot.schema;
        if fault.is_err() {
            // Half done: worth nothing without the copy.
            data.notes.clear();
        }
        fault
    }

    async fn health(&self, app: &PackageName, _slot: &AppSlot) -> Result<(), PluginError> {
        self.stop_at(Point::Health, app, "answer for its health")
    }

    async fn probe(
        &self,
        app: &PackageName,
        _slot: &AppSlot,
        pages: &[String],
    ) -> Result<(), PluginError> {
        self.stop_at(Point::Pages, app, &format!("answer {pages:?}"))
    }

    async fn swap(
        &self,
        app: &PackageName,
        slot: &AppSlot,
        counting: Counting,
    ) -> Result<(), PluginError> {
        self.stop_at(Point::Swap, app, "load")?;
        let since = match counting {
            Counting::Begins => Some(self.commits(app)),
            Counting::GoesOn => {
                let before = lock(&self.running).get(app).cloned();
                before.filter(|before| before.slot.digest == slot.digest).and_then(|it| it.since)
            }
        };
        let (slot, held, stopped, left_behind) = (slot.clone(), true, None, false);
        let running = Running { slot, held, stopped, left_behind, since };
        lock(&self.running).insert(app.clone(), running);
        Ok(())
    }

    async fn release(&self, app: &PackageName) -> Result<(), PluginError> {
        self.edit(app, |running| running.held = false).ok_or_else(|| Self::unknown(app))?;
        let visitor = lock(&self.visitors).remove(app);
        if let Some(note) = visitor {
            self.write(app, &note);
        }
        Ok(())
    }

    async fn stop(&self, app: &PackageName, reason: &str) {
        self.edit(app, |running| running.stopped = Some(reason.to_owned()));
    }

    async fn forget(&self, app: &PackageName) {
        lock(&self.running).remove(app);
    }

    async fn trouble(&self, app: &PackageName, _probation: Probation) -> Trouble {
        if self.disk.fault(Point::Probation).is_none() {
            std::future::pending::<()>().await;
        }
        Trouble { what: format!("{app} trapped 4 times, 3 are allowed") }
    }

    fn verdict(&self, app: &PackageName, _probation: Probation) -> Result<Faults, Trouble> {
        if self.disk.fault(Point::Verdict).is_none() {
            return Ok(self.disk.lock().counted);
        }
        Err(Trouble { what: format!("1 request of {app} has had no answer for 30 s") })
    }

    fn serving(&self, app: &PackageName) -> Option<Serving> {
        let commits = self.commits(app);
        self.edit(app, |running| Serving {
            version: running.slot.version.clone(),
            stopped: running.stopped.clone(),
            left_behind: running.left_behind,
            writes: running.since.map(|since| commits - since),
            work: crate::view::Work::default(),
        })
    }

    async fn set_aside(&self, app: &PackageName, at: Timestamp) -> Result<(), PluginError> {
        let mut disk = self.disk.lock();
        if let Some(data) = disk.data.remove(app) {
            disk.removed.push((Removed { app: app.clone(), at }, data));
        }
        Ok(())
    }

    async fn set_aside_list(&self) -> Result<Vec<Removed>, PluginError> {
        Ok(self.disk.lock().removed.iter().map(|(removed, _)| removed.clone()).collect())
    }

    async fn put_back(&self, removed: &Removed) -> Result<(), PluginError> {
        let mut disk = self.disk.lock();
        if let Some(at) = disk.removed.iter().position(|(it, _)| it == removed) {
            let (removed, data) = disk.removed.remove(at);
            disk.data.insert(removed.app, data);
        }
        Ok(())
    }

    async fn has_data(&self, app: &PackageName) -> Result<bool, PluginError> {
        Ok(self.disk.lock().data.contains_key(app))
    }

    async fn with_data(&self) -> Vec<PackageName> {
        self.disk.lock().data.keys().cloned().collect()
    }
}
