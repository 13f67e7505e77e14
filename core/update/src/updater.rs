//! The updater: what the portal, the API and the command line talk to. Knows and asks; every
//! effect goes through a port.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use newleaf_domain::{Channel, Digest, PackageName, Target, UpdateId, Version};
use newleaf_launcher::journal::{Ending, Entry};
use newleaf_launcher::state::{AppSlot, CorePhase, CoreSlot, State, Way};
use newleaf_plan::{Automatic, Installed, InstalledApp, InstalledCore, KeptSchema, Needs, Policy};

use crate::evenness::Evenness;
use crate::hub::Hub;
use crate::ledger::Ledger;
use crate::port::{
    Keep, Kept, LauncherError, Ports, Reach, Removed, SlotError, SlotRef, StoreError, Swept,
};
use crate::refresh::Known;
use crate::settings::{ProductFace, Settings, SnapshotRule};
use crate::tries::Tries;
use crate::view::{HistoryEntry, Report};

/// Carries updates out, and tells how things stand. One a process, shared by everyone who asks.
#[derive(Debug)]
pub struct Updater {
    ports: Ports,
    settings: Settings,
    /// As it counts now: what the settings said at the start, and what was changed since.
    policy: Mutex<Policy>,
    changelogs: Mutex<BTreeMap<Digest, Arc<str>>>,
    face: ProductFace,
    known: Mutex<Option<Arc<Known>>>,
    /// Held while the repository is looked at, so that two looks do not race for the trust folder.
    refreshing: tokio::sync::Mutex<()>,
    /// Held from the question whether an update runs to the first record of the next.
    starting: tokio::sync::Mutex<()>,
    /// What is tried on a copy of its data, outside any update.
    rehearsing: Mutex<Option<(Target, Version)>>,
    ledger: tokio::sync::Mutex<Ledger>,
    hub: Hub,
    evenness: Evenness,
    tries: Tries,
}

impl Updater {
    /// An updater over these ports. Touches nothing yet.
    pub fn new(ports: Ports, settings: Settings, face: ProductFace) -> Arc<Self> {
        Arc::new(Self {
            tries: Tries::default(),
            evenness: Evenness::since(ports.clock.now(), ports.ground.passed()),
            ports,
            policy: Mutex::new(settings.policy.clone()),
            changelogs: Mutex::default(),
            settings,
            face,
            known: Mutex::new(None),
            refreshing: tokio::sync::Mutex::new(()),
            starting: tokio::sync::Mutex::new(()),
            rehearsing: Mutex::default(),
            ledger: tokio::sync::Mutex::new(Ledger::default()),
            hub: Hub::default(),
        })
    }

    /// The running product.
    pub const fn face(&self) -> &ProductFace {
        &self.face
    }

    /// What an admin set.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The channels and the accepted authors, as they count now.
    pub(crate) fn policy(&self) -> Policy {
        self.policy.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn follow(&self, target: &Target, channel: Channel) {
        let mut policy = self.policy.lock().unwrap_or_else(PoisonError::into_inner);
        policy.channels.insert(target.clone(), channel);
    }

    /// How far `target` is updated without anyone being asked.
    pub(crate) fn automatic(&self, target: &Target) -> Automatic {
        self.policy().automatic.get(target).copied().unwrap_or_default()
    }

    pub(crate) fn refuse(&self, target: &Target, versions: BTreeSet<Version>) {
        let mut policy = self.policy.lock().unwrap_or_else(PoisonError::into_inner);
        policy.skipped.insert(target.clone(), versions);
    }

    /// Changelogs that were read, by their digests.
    pub(crate) fn changelogs(&self) -> MutexGuard<'_, BTreeMap<Digest, Arc<str>>> {
        self.changelogs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What runs now.
    pub fn state(&self) -> Arc<State> {
        self.ports.launcher.state()
    }

    /// Everything known of one update; none where the journal has no such update.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn report(&self, id: &UpdateId) -> Result<Option<Report>, LauncherError> {
        let mut report = self.report_of(id).await?;
        if let Some(report) = report.as_mut().filter(|report| report.ending.is_none()) {
            report.interrupted = self.interruption(id).or_else(|| self.ports.launcher.refuses());
        }
        for row in report.iter_mut().flat_map(|report| &mut report.steps) {
            if row.standing == crate::view::StepStanding::Running {
                row.progress = self.hub.latest(id, row.step);
            }
        }
        Ok(report)
    }

    /// Whether an app is switched off: by an admin, or because going back would have lost data.
    pub(crate) fn is_off(&self, app: &PackageName) -> bool {
        self.state().apps.get(app).is_some_and(|row| row.disabled)
    }

    /// Whether the app is off because the way back of its last update would have lost data, and not
    /// by an admin's word.
    pub(crate) async fn stopped_over_data(&self, app: &PackageName) -> bool {
        let target = Target::App(app.clone());
        let Ok(history) = self.history().await else { return false };
        let last = history
            .iter()
            .find(|entry| entry.target.target == target && entry.target.way == Way::Forward);
        let Some(last) = last.filter(|entry| entry.ending == Some(Ending::Failed)) else {
            return false;
        };
        let report = self.report(&last.id).await;
        report.ok().flatten().is_some_and(|report| report.way_back_failed())
    }

    /// Every update of this host, newest first.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn history(&self) -> Result<Vec<HistoryEntry>, LauncherError> {
        Ok(self.ledger().await?.history().map(|(_, entry)| entry.clone()).collect())
    }

    /// As [`Updater::history`], each with the number of its newest record: what a copy of the
    /// history needs to know what it lacks.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn numbered_history(&self) -> Result<Vec<(u64, HistoryEntry)>, LauncherError> {
        Ok(self.ledger().await?.history().cloned().collect())
    }

    /// The update that runs, or that a crash left open.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn running(&self) -> Result<Option<UpdateId>, LauncherError> {
        if let Some(open) = self.ledger().await?.open() {
            return Ok(Some(open));
        }
        // Left by a folder-only update: ended in the journal as deferred, and not yet tried.
        let core = &self.ports.launcher.state().core;
        let trial = core.trial.as_ref().filter(|_| core.phase != CorePhase::Idle);
        Ok(trial.map(|trial| trial.update.clone()))
    }

    /// The core that waits for the next start, with the update that staged it; only where no host
    /// runs that would be trying it.
    pub(crate) fn staged(&self) -> Option<(UpdateId, Version)> {
        if self.ports.launcher.reach() == Reach::Host {
            return None;
        }
        let core = &self.ports.launcher.state().core;
        let trial = core.trial.as_ref().filter(|_| core.phase != CorePhase::Idle)?;
        Some((trial.update.clone(), trial.slot.version.clone()))
    }

    /// One sentence on what serves now: the first of the four lines of a failure.
    pub fn standing(&self) -> String {
        let state = self.ports.launcher.state();
        let apps = state.apps.values().filter(|app| app.good.is_some() && !app.disabled).count();
        let core = format!("{} {}", self.face.name, state.core.good.version);
        if self.ports.launcher.reach() == Reach::Folder {
            return format!("no host runs; {core} would serve");
        }
        match apps {
            0 => format!("{core} serves"),
            1 => format!("{core} and 1 app serve"),
            many => format!("{core} and {many} apps serve"),
        }
    }

    /// An error in four lines.
    pub fn explain(&self, error: &(impl crate::Explain + 'static)) -> crate::FourLines {
        crate::FourLines {
            state: self.standing(),
            failed: crate::explain::chain(error),
            done: error.done(),
            todo: error.todo(),
        }
    }

    /// Removes slots, snapshots and downloads that nobody needs any more; nothing while an update
    /// runs.
    ///
    /// # Errors
    /// Something could not be removed; the next time tries again.
    pub async fn tidy(&self) -> Result<Swept, SlotError> {
        let _door = self.starting.lock().await;
        match self.running().await {
            Ok(None) => self.sweep().await,
            Ok(Some(_)) | Err(_) => Ok(Swept::default()),
        }
    }

    pub(crate) const fn ports(&self) -> &Ports {
        &self.ports
    }

    pub(crate) const fn evenness(&self) -> &Evenness {
        &self.evenness
    }

    pub(crate) const fn tries(&self) -> &Tries {
        &self.tries
    }

    pub(crate) const fn hub(&self) -> &Hub {
        &self.hub
    }

    pub(crate) const fn refreshing(&self) -> &tokio::sync::Mutex<()> {
        &self.refreshing
    }

    pub(crate) const fn starting(&self) -> &tokio::sync::Mutex<()> {
        &self.starting
    }

    pub(crate) fn rehearsing(&self) -> MutexGuard<'_, Option<(Target, Version)>> {
        self.rehearsing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn known(&self) -> Option<Arc<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn learn(&self, known: Arc<Known>) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
    }

    /// The report of an update; of one that is long past it is read from the journal.
    async fn report_of(&self, id: &UpdateId) -> Result<Option<Report>, LauncherError> {
        let ledger = self.ledger().await?;
        if !ledger.has_dropped(id) {
            return Ok(ledger.report(id));
        }
        drop(ledger);
        let mut records = self.ports.launcher.records(0).await?;
        records.retain(|record| record.update.as_ref() == Some(id));
        Ok(Ledger::of_all(records).report(id))
    }

    /// The journal up to now.
    pub(crate) async fn ledger(
        &self,
    ) -> Result<tokio::sync::MutexGuard<'_, Ledger>, LauncherError> {
        let mut ledger = self.ledger.lock().await;
        let newer = self.ports.launcher.records(ledger.last_seq()).await?;
        ledger.absorb(newer);
        Ok(ledger)
    }

    /// What runs, as the planner takes it.
    pub(crate) async fn installed(&self) -> Result<Installed, StoreError> {
        let install_id = self.ports.store.install_id().await?;
        let state = self.ports.launcher.state();
        let mut apps = BTreeMap::new();
        for (name, app) in &state.apps {
            let Some(good) = app.good.clone() else { continue };
            let needs = self.needs(name, &good).await;
            let installed = InstalledApp {
                version: good.version,
                digest: good.digest,
                grants: good.grants,
                schema: good.schema,
                oldest_reader: good.oldest_reader,
                needs,
            };
            apps.insert(name.clone(), installed);
        }
        let core = &state.core.good;
        let oldest_reader = self.core_reader(core).await?;
        Ok(Installed {
            seq: state.seq,
            edition: self.face.edition.clone(),
            platform: self.face.platform.clone(),
            abi: self.face.abi.clone(),
            core: InstalledCore {
                version: core.version.clone(),
                digest: core.digest,
                schema: core.schema,
                oldest_reader,
            },
            apps,
            kept: self.kept_schemas(&state).await,
            bad: state.bad.iter().map(|bad| (bad.digest, bad.reason.clone())).collect(),
            install_id,
        })
    }

    /// What removed apps left in its place. A note that is damaged stops the installation of its app
    /// alone, where it is read again.
    async fn kept_schemas(&self, state: &State) -> BTreeMap<PackageName, KeptSchema> {
        let mut left = BTreeMap::new();
        for app in self.ports.plugins.with_data().await {
            if state.apps.contains_key(&app) {
                continue;
            }
            match self.ports.plugins.kept(&app).await {
                Ok(Some(Kept { schema, oldest_reader })) => {
                    left.insert(app, KeptSchema { schema, oldest_reader });
                }
                Ok(None) => {}
                Err(error) => {
                    let error = crate::explain::chain(&error);
                    tracing::warn!(%app, error, "what a removed app left cannot be told");
                }
            }
        }
        left
    }

    /// What an installed app needs around it; nothing where its slot does not say, which is told
    /// when the app is loaded.
    async fn needs(&self, name: &PackageName, slot: &AppSlot) -> Needs {
        match self.ports.slots.manifest(&SlotRef::app(name, slot)).await {
            Ok(manifest) => Needs::of(&manifest),
            Err(error) => {
                tracing::debug!(app = %name, %error, "what an app needs cannot be read");
                Needs::default()
            }
        }
    }

    /// The lowest schema whose core can still run on the database. What the version that serves
    /// says of itself counts only where the database says nothing: a newer one that was taken back
    /// may have taken more away.
    pub(crate) async fn core_reader(&self, good: &CoreSlot) -> Result<u32, StoreError> {
        Ok(self.ports.store.core_reader().await?.unwrap_or(good.oldest_reader))
    }

    /// The digest an update was to bring, by its first record.
    pub(crate) async fn digest_of(&self, id: &UpdateId) -> Option<Digest> {
        let ledger = self.ledger().await.ok()?;
        match ledger.began(id)?.entry {
            Entry::Began { digest, .. } => Some(digest),
            Entry::Started { .. }
            | Entry::Finished { .. }
            | Entry::Failed { .. }
            | Entry::Ended { .. }
            | Entry::Notice { .. }
            | Entry::Unknown => None,
        }
    }

    /// What `state` and the settings need on disk.
    fn keep(&self) -> Keep {
        let state = self.ports.launcher.state();
        let SnapshotRule { count, age } = self.settings.snapshots;
        let is_believed = self.doubted_for(age).is_zero();
        let age = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
        let since = self.ports.clock.now().plus_seconds(age.saturating_neg());
        Keep {
            versions: self.settings.versions,
            bad: state.bad.iter().map(|bad| bad.digest).collect(),
            core_snapshots: count,
            core_snapshots_since: is_believed.then_some(since),
            ..keep(&state)
        }
    }

    /// Removes slots, snapshots and downloads that neither `state` nor the settings keep.
    pub(crate) async fn sweep(&self) -> Result<Swept, SlotError> {
        let mut keep = self.keep();
        match self.set_aside().await {
            Ok(aside) => keep.snapshots.extend(aside.iter().map(Removed::folder)),
            Err(error) => {
                // What cannot be told from what is due is not removed; the next clearing up looks again.
                let why = crate::explain::chain(&error);
                tracing::warn!(
                    why,
                    "nothing is removed from disk: what is set aside cannot be read"
                );
                return Ok(Swept::default());
            }
        }
        let gone = self.ports.slots.unused(&keep).await?;
        if !gone.is_empty() {
            let each = gone.iter().map(|slot| format!("{} {}", slot.target, slot.folder));
            let each = each.collect::<Vec<_>>().join(", ");
            let text = format!("removed from disk, {} versions stay: {each}", keep.versions);
            let noted = self.ports.launcher.append(None, Entry::Notice { text }).await;
            if let Err(error) = noted {
                // Without its record nothing is removed; the next clearing up tries again.
                let why = crate::explain::chain(&error);
                tracing::warn!(why, "old versions stay on disk: the journal did not take it");
                return Ok(Swept::default());
            }
        }
        self.ports.slots.sweep(&keep).await
    }
}

/// What `state` needs on disk.
fn keep(state: &State) -> Keep {
    let core = &state.core;
    let cores =
        [Some(&core.good), core.previous.as_ref(), core.trial.as_ref().map(|trial| &trial.slot)];
    let mut keep =
        Keep { slots: cores.into_iter().flatten().map(SlotRef::core).collect(), ..Keep::default() };
    for (name, app) in &state.apps {
        let slots =
            [app.good.as_ref(), app.previous.as_ref(), app.trial.as_ref().map(|trial| &trial.slot)];
        for slot in slots.into_iter().flatten() {
            keep.slots.push(SlotRef::app(name, slot));
            keep.snapshots.extend(slot.snapshot.clone());
        }
        keep.snapshots.extend(app.trial.as_ref().and_then(|trial| trial.snapshot.clone()));
    }
    keep
}
