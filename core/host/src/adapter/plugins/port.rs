//! What an update does to the apps of this host.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use newleaf_domain::{ByteSize, Digest, PackageName, Timestamp};
use newleaf_launcher::state::AppSlot;
use newleaf_plugin_host::storage::{self, CopyError};
use newleaf_plugin_host::{App, CompileLimits, Cut, LifecycleError, PrepareError, Prepared};
use newleaf_update::port::{
    AppRehearsed, Counting, Drained, Faults, Kept, PluginError, Plugins, Probation, Removed,
    Serving, StoreError, Traffic, Trouble, WarmLine,
};

use super::super::files::{self, FileError, blocking};
use super::entry::{Entry, Loaded, Standing};
use super::leaving::GONE_WITHIN;
use super::probation::Moment;
use super::{Apps, BringUp, Damage, probation, rehearsal};

/// The member that holds an app's component.
const COMPONENT: &str = "app.wasm";

/// A request that the app works on for longer is waited for before new ones are held.
const SLOW: Duration = Duration::from_secs(1);

/// How long a version that is given up may still use its data before that is taken from it.
const LET_GO_WITHIN: Duration = Duration::from_secs(5);

pub(super) fn load(app: &PackageName, error: &BringUp) -> PluginError {
    let (app, detail) = (app.clone(), error.line());
    if error.is_machine_fault() {
        PluginError::Machine { app, detail }
    } else {
        PluginError::Load { app, detail }
    }
}

pub(super) fn failed(app: &PackageName, doing: String, error: &LifecycleError) -> PluginError {
    if matches!(error, LifecycleError::Machine { .. }) {
        let detail = format!("it failed to {doing}: {error}");
        return PluginError::Machine { app: app.clone(), detail };
    }
    PluginError::Failed { app: app.clone(), doing, detail: error.to_string() }
}

/// What is wrong with what an app asks for and what it can do: one without the other would be a
/// permission that is never used, or work that is never done.
fn odd_schedule(version: &App) -> Option<String> {
    let asks = version.config().grants.schedules().next().is_some();
    match (asks, version.has_jobs()) {
        (true, false) => Some(
            "it asks for a schedule, but its component exports no `newleaf:app/jobs`".to_owned(),
        ),
        (false, true) => {
            Some("its component exports `newleaf:app/jobs`, but it asks for no schedule".to_owned())
        }
        (true, true) | (false, false) => None,
    }
}

pub(super) fn io(FileError { doing, path, source }: FileError) -> PluginError {
    PluginError::Io { doing, path, source }
}

pub(super) fn copy(error: CopyError) -> PluginError {
    match error {
        CopyError::File { action: _, path, source } => {
            PluginError::Io { doing: "copied", path, source }
        }
        CopyError::InUse { path } | CopyError::Settle { path, .. } => {
            let source = std::io::Error::new(
                std::io::ErrorKind::ResourceBusy,
                "the database is still in use",
            );
            PluginError::Io { doing: "copied", path, source }
        }
        CopyError::Exists { path } => PluginError::Io {
            doing: "made",
            path,
            source: std::io::ErrorKind::AlreadyExists.into(),
        },
        CopyError::NoSnapshot { path } => {
            PluginError::Io { doing: "found", path, source: std::io::ErrorKind::NotFound.into() }
        }
    }
}

/// Moves a folder within the host's own, durably: both lie on one filesystem.
fn moved(from: &Path, to: &Path) -> Result<(), PluginError> {
    if let Some(parent) = to.parent() {
        files::make_folder(parent).map_err(io)?;
    }
    let failed = |source| PluginError::Io { doing: "moved", path: from.to_owned(), source };
    std::fs::rename(from, to).map_err(failed)?;
    for folder in [from.parent(), to.parent()].into_iter().flatten() {
        std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    }
    Ok(())
}

impl Apps {
    /// The version's compiled code, made in a child where it is not in the cache.
    pub(super) async fn prepared(
        &self,
        app: &PackageName,
        slot: &AppSlot,
    ) -> Result<Prepared, BringUp> {
        let component = self.0.layout.app_slot(app, slot).join(COMPONENT);
        let path = component.clone();
        let measured = blocking(move || files::measure(&path)).await;
        let absent = |source| PrepareError::Read { path: component.clone(), source };
        let found = match measured {
            Ok(found) => found.map(|(_, digest)| digest),
            Err(error) => return Err(BringUp::Prepare(absent(error.source))),
        };
        let digest = match (found, slot.component) {
            (Some(found), None) => found,
            (Some(found), Some(staged)) if found == staged => found,
            (None, None) => {
                return Err(BringUp::Prepare(absent(std::io::ErrorKind::NotFound.into())));
            }
            (found, Some(staged)) => {
                return Err(BringUp::Damaged(Box::new(Damage {
                    app: app.clone(),
                    version: slot.version.clone(),
                    path: component,
                    found,
                    staged,
                })));
            }
        };
        let limits = CompileLimits::by(&slot.grants);
        let prepared = self.0.host.prepare_within(limits, &component, digest).await;
        prepared.map_err(BringUp::Prepare)
    }

    /// Compiles and links a version, and lets go of it again.
    pub(crate) async fn warm(&self, app: &PackageName, slot: &AppSlot) -> WarmLine {
        let (broken, hindered) = match self.bring_up(app, slot).await {
            Ok(_) => (None, None),
            Err(error) if error.is_machine_fault() => (None, Some(error.line())),
            Err(error) => (Some(error.line()), None),
        };
        WarmLine { app: app.clone(), broken, hindered }
    }

    /// The digest of a slot's component as it is on disk; none where it cannot be read.
    pub(super) async fn component_on_disk(
        &self,
        app: &PackageName,
        slot: &AppSlot,
    ) -> Option<Digest> {
        let component = self.0.layout.app_slot(app, slot).join(COMPONENT);
        let measured = blocking(move || files::measure(&component)).await.ok()??;
        Some(measured.1)
    }

    /// What speaks against the version on probation, where anything does.
    fn look_at(&self, app: &PackageName, probation: Probation, moment: Moment) -> Option<Trouble> {
        let seen = self.seen(app, probation)?;
        let what = probation::judge(&seen, probation.budget, moment)?;
        tracing::warn!(%app, what, "the version on probation is given up");
        Some(Trouble { what })
    }

    /// What there is to judge the version on probation by; none where nothing serves.
    fn seen(&self, app: &PackageName, probation: Probation) -> Option<probation::Seen> {
        let (version, before) = {
            let entries = self.read();
            let entry = entries.get(app)?;
            (entry.loaded()?.slot.app(), entry.before())
        };
        let patience = probation::patience(self.0.settings.answer_within.duration(), probation);
        let (stats, hanging) = (version.stats(), version.without_answer(patience));
        let before = probation::Before::of(&before, patience);
        Some(probation::Seen { stats, hanging, patience, before })
    }

    fn entry(&self, app: &PackageName) -> Result<Option<Loaded>, PluginError> {
        let unknown = || PluginError::Unknown { app: app.clone() };
        self.read().get(app).map(Entry::loaded).ok_or_else(unknown)
    }

    /// The version that is being brought in, loaded on first use.
    async fn pending(&self, app: &PackageName, slot: &AppSlot) -> Result<App, PluginError> {
        let mut pending = self.0.pending.lock().await;
        match pending.get(app) {
            Some((loaded, version)) if loaded.digest == slot.digest => Ok(version.clone()),
            Some(_) | None => {
                let version = self.bring_up(app, slot).await.map_err(|error| {
                    let version = &slot.version;
                    tracing::warn!(%app, %version, error = error.line(), "a version cannot be loaded");
                    load(app, &error)
                })?;
                pending.insert(app.clone(), (slot.clone(), version.clone()));
                Ok(version)
            }
        }
    }

    /// Ends what runs in the slot that serves, where one does.
    async fn drain(
        &self,
        app: &PackageName,
        loaded: Option<Loaded>,
        within: Duration,
    ) -> Result<Drained, PluginError> {
        let Some(loaded) = loaded else { return Ok(Drained::default()) };
        // Clients have no more than half of the time, so that what is cut can still end in it.
        let patience = self.0.holding.client_within.min(within / 2);
        let drained = loaded.slot.drained_within(patience, within);
        let drained = tokio::time::timeout(within + GONE_WITHIN, drained).await;
        let Cut { clients, late } = drained.map_err(|_| {
            let running = loaded.slot.app().stats().in_flight as u64;
            PluginError::StillRunning { app: app.clone(), running, within }
        })?;
        Ok(Drained { cut: clients, late })
    }

    /// Takes the data out of the hands of every version of the app, whether it is loaded or was
    /// stopped.
    async fn let_go(&self, app: &PackageName) {
        self.see_off(app, LET_GO_WITHIN).await;
        let pending = self.0.pending.lock().await.remove(app).map(|(_, version)| version);
        let serving = self.read().get(app).and_then(Entry::loaded).map(|loaded| loaded.slot.app());
        for version in pending.into_iter().chain(serving) {
            if tokio::time::timeout(LET_GO_WITHIN, version.quiesce()).await.is_err() {
                tracing::warn!(%app, version = %version.version(), "requests still run: the data is taken from them");
                version.take_data_away().await;
            }
        }
    }
}

#[async_trait]
impl Plugins for Apps {
    async fn prepare(&self, app: &PackageName, slot: &AppSlot) -> Result<String, PluginError> {
        let version = self.pending(app, slot).await?;
        if let Some(detail) = odd_schedule(&version) {
            return Err(PluginError::Load { app: app.clone(), detail });
        }
        Ok(format!("{app} {} is compiled and fits this host", slot.version))
    }

    async fn calm(&self, app: &PackageName) {
        let loaded = self.read().get(app).and_then(Entry::loaded);
        if let Some(loaded) = loaded {
            loaded.slot.calm(SLOW, self.0.settings.answer_within.duration()).await;
        }
    }

    async fn hold(&self, app: &PackageName) -> Result<(), PluginError> {
        if let Some(loaded) = self.entry(app)? {
            loaded.slot.hold(self.0.holding.cap);
        }
        Ok(())
    }

    async fn pause(&self, app: &PackageName, left: Duration) -> Result<(), PluginError> {
        if let Some(loaded) = self.entry(app)? {
            loaded.slot.pause(left);
        }
        Ok(())
    }

    fn traffic(&self, app: &PackageName) -> Traffic {
        let loaded = self.read().get(app).and_then(Entry::loaded);
        let peak = loaded.map_or(0, |loaded| loaded.slot.stats().peak);
        Traffic { peak, room: self.0.holding.cap }
    }

    async fn rehearsal_needs(&self, app: &PackageName) -> Result<ByteSize, PluginError> {
        rehearsal::needs(self, app).await
    }

    async fn rehearse(
        &self,
        app: &PackageName,
        slot: &AppSlot,
        from: u32,
        within: Duration,
    ) -> Result<AppRehearsed, PluginError> {
        rehearsal::rehearse(self, app, slot, from, within).await
    }

    async fn drained(&self, app: &PackageName, within: Duration) -> Result<Drained, PluginError> {
        let loaded = self.entry(app)?;
        let (stopped, served) =
            tokio::join!(self.see_off(app, within), self.drain(app, loaded, within));
        let mut drained = served?;
        drained.cut.extend(stopped.clients);
        drained.late.extend(stopped.late);
        for what in &drained.cut {
            tracing::warn!(%app, what, "cut short for an update: its client was too slow, or it is a job");
        }
        for what in &drained.late {
            tracing::warn!(%app, what, within_s = within.as_secs(), "cut short for an update: it still ran");
        }
        Ok(drained)
    }

    async fn snapshot(&self, app: &PackageName, folder: &str) -> Result<ByteSize, PluginError> {
        self.see_off(app, LET_GO_WITHIN).await;
        let (data, destination) = (self.data(app), self.snapshots().join(folder));
        blocking(move || {
            if !data.is_dir() {
                files::make_folder(&data).map_err(io)?;
            }
            storage::snapshot(&data, &destination).map_err(copy)
        })
        .await
    }

    async fn restore(&self, app: &PackageName, folder: &str) -> Result<(), PluginError> {
        self.let_go(app).await;
        let (source, data) = (self.snapshots().join(folder), self.data(app));
        blocking(move || {
            if let Some(parent) = data.parent() {
                files::make_folder(parent).map_err(io)?;
            }
            storage::restore(&source, &data).map_err(copy)
        })
        .await
    }

    async fn keep(&self, app: &PackageName, kept: Kept) -> Result<(), StoreError> {
        let data = self.data(app);
        blocking(move || super::kept::write(&data, kept)).await
    }

    async fn kept(&self, app: &PackageName) -> Result<Option<Kept>, StoreError> {
        let data = self.data(app);
        blocking(move || super::kept::read(&data)).await
    }

    async fn data_size(&self, app: &PackageName) -> Result<ByteSize, PluginError> {
        let data = self.data(app);
        blocking(move || files::size_of(&data)).await.map(ByteSize::bytes).map_err(io)
    }

    async fn migrate(
        &self,
        app: &PackageName,
        slot: &AppSlot,
        from: Option<u32>,
        within: Duration,
    ) -> Result<(), PluginError> {
        let version = self.pending(app, slot).await?;
        let doing = match from {
            Some(from) => format!("migrate from schema {from} to {}", slot.schema),
            None => "prepare its data".to_owned(),
        };
        let work = async {
            match from {
                Some(from) => version.migrate(from, slot.schema).await,
                None => version.init().await,
            }
        };
        let Ok(done) = tokio::time::timeout(within, work).await else {
            let detail = format!("it was not over after {} s", within.as_secs());
            return Err(PluginError::Failed { app: app.clone(), doing, detail });
        };
        done.map_err(|error| failed(app, doing, &error))
    }

    async fn health(&self, app: &PackageName, slot: &AppSlot) -> Result<(), PluginError> {
        let version = self.pending(app, slot).await?;
        let doing = "answer for its health".to_owned();
        version.health().await.map_err(|error| failed(app, doing, &error))
    }

    async fn probe(
        &self,
        app: &PackageName,
        slot: &AppSlot,
        pages: &[String],
    ) -> Result<(), PluginError> {
        let version = self.pending(app, slot).await?;
        rehearsal::ask(app, &version, pages).await
    }

    async fn swap(
        &self,
        app: &PackageName,
        slot: &AppSlot,
        counting: Counting,
    ) -> Result<(), PluginError> {
        let taken = self.0.pending.lock().await.remove(app);
        let version = match taken {
            Some((loaded, version)) if loaded.digest == slot.digest => version,
            Some(_) | None => self.bring_up(app, slot).await.map_err(|error| load(app, &error))?,
        };
        let link = self.link(app, Some(slot)).await;
        let mut entries = self.write();
        let entry = entries.entry(app.clone()).or_insert_with(|| {
            Entry::new(link.clone(), Standing::Stopped("it is being installed".to_owned()))
        });
        entry.rename(link);
        entry.serve(version, slot.digest, counting);
        // Nobody enters between: the entry is not visible before the lock is given back.
        if let Some(loaded) = entry.loaded() {
            loaded.slot.hold(self.0.holding.cap);
        }
        Ok(())
    }

    async fn release(&self, app: &PackageName) -> Result<(), PluginError> {
        if let Some(loaded) = self.entry(app)? {
            loaded.slot.release();
        }
        Ok(())
    }

    async fn stop(&self, app: &PackageName, reason: &str) {
        let loaded = self.read().get(app).and_then(Entry::loaded);
        tracing::info!(%app, reason, "the app is stopped");
        self.edit(app, |entry| entry.stop(reason));
        // A version that was to take over does not any more, and lets the data go.
        drop(self.0.pending.lock().await.remove(app));
        if let Some(loaded) = loaded {
            self.dismiss(app, loaded.slot);
        }
    }

    async fn forget(&self, app: &PackageName) {
        let entry = self.write().remove(app);
        if let Some(loaded) = entry.as_ref().and_then(Entry::loaded) {
            self.dismiss(app, loaded.slot);
        }
        self.let_go(app).await;
    }

    async fn trouble(&self, app: &PackageName, probation: Probation) -> Trouble {
        loop {
            tokio::time::sleep(probation::LOOK_EVERY).await;
            if let Some(trouble) = self.look_at(app, probation, Moment::During) {
                return trouble;
            }
        }
    }

    fn verdict(&self, app: &PackageName, probation: Probation) -> Result<Faults, Trouble> {
        match self.look_at(app, probation, Moment::End) {
            Some(trouble) => Err(trouble),
            None => Ok(self.seen(app, probation).map(|seen| seen.faults()).unwrap_or_default()),
        }
    }

    fn serving(&self, app: &PackageName) -> Option<Serving> {
        let entries = self.read();
        let entry = entries.get(app)?;
        let mut serving = entry.serving()?;
        if let Some(loaded) = entry.loaded() {
            serving.work.jobs = self.0.board.rows(app, &loaded.slot);
        }
        if let Some(usage) = &mut serving.work.usage {
            usage.stored = self.0.board.size_of(app);
        }
        Some(serving)
    }

    async fn set_aside(&self, app: &PackageName, at: Timestamp) -> Result<(), PluginError> {
        self.see_off(app, LET_GO_WITHIN).await;
        let folder = Removed { app: app.clone(), at }.folder();
        let (data, aside) = (self.data(app), self.snapshots().join(folder));
        blocking(move || if data.is_dir() { moved(&data, &aside) } else { Ok(()) }).await
    }

    async fn set_aside_list(&self) -> Result<Vec<Removed>, PluginError> {
        let folder = self.snapshots();
        let names = blocking(move || files::names(&folder)).await.map_err(io)?;
        Ok(names.iter().filter_map(|name| Removed::of_folder(name)).collect())
    }

    async fn put_back(&self, removed: &Removed) -> Result<(), PluginError> {
        let (aside, data) = (self.snapshots().join(removed.folder()), self.data(&removed.app));
        blocking(move || moved(&aside, &data)).await
    }

    async fn has_data(&self, app: &PackageName) -> Result<bool, PluginError> {
        let data = self.data(app);
        Ok(blocking(move || data.is_dir()).await)
    }

    async fn with_data(&self) -> Vec<PackageName> {
        let all = self.0.layout.dir().join("data/apps");
        blocking(move || {
            let namespaces = files::names(&all).unwrap_or_default();
            let each = namespaces.into_iter().flat_map(|namespace| {
                let apps = files::names(&all.join(&namespace)).unwrap_or_default();
                apps.into_iter().map(move |app| format!("{namespace}/{app}"))
            });
            each.filter_map(|name| PackageName::parse(&name).ok()).collect()
        })
        .await
    }
}
