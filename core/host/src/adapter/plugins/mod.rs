//! The apps of this host: what serves each, and what an update does to them. Loads and swaps;
//! which version is to run is decided elsewhere.

mod entry;
mod fit;
mod jobs;
pub(crate) mod kept;
mod leaving;
mod port;
mod probation;
mod rehearsal;
#[cfg(test)]
mod scenes;
mod timetable;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use newleaf_domain::{Digest, Manifest, PackageName, Reuse, Version};
use newleaf_launcher::Layout;
use newleaf_launcher::state::{AppSlot, State};
use newleaf_package::MANIFEST;
use newleaf_plugin_host::{
    App, AppConfig, Clock, CompileChild, CompileError, Compiler, Limits, LoadError, Outbound,
    OutboundSettings, PluginHost, PrepareError, Reserve, Settings,
};
use newleaf_update::port::Counting;

use super::files::{self, blocking};
use crate::config;
use crate::route::{AppLink, Place, Places};
use entry::{Entry, Standing};
use fit::Unfit;
pub(crate) use jobs::{JobRunner, Key as JobKey};

/// The apps of one host. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Apps(Arc<Inner>);

struct Inner {
    host: PluginHost,
    layout: Layout,
    /// The version of core that runs them.
    core: Version,
    holding: Holding,
    settings: config::Apps,
    /// Cookies of the product that apps neither see nor set.
    cookies: &'static [&'static str],
    entries: RwLock<BTreeMap<PackageName, Entry>>,
    /// A version that was loaded to migrate the data, until it takes over or is dropped.
    pending: tokio::sync::Mutex<BTreeMap<PackageName, (AppSlot, App)>>,
    leaving: leaving::Leaving,
    board: jobs::Board,
}

/// How an app is held during its update.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Holding {
    /// Requests that wait at a time.
    pub(crate) cap: usize,
    /// How long a client may still take to send or to read what is under way.
    pub(crate) client_within: Duration,
}

impl std::fmt::Debug for Apps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Apps").field("layout", &self.0.layout).finish_non_exhaustive()
    }
}

/// Why apps cannot be run at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppsError {
    /// This program's own file, which compiles apps in a child.
    #[error("find this program's file")]
    Image(#[source] std::io::Error),
    /// The engine.
    #[error("start the engine for apps")]
    Engine(#[source] PrepareError),
}

/// Why one app could not be loaded.
#[derive(Debug, thiserror::Error)]
enum BringUp {
    #[error("it cannot be prepared")]
    Prepare(#[source] PrepareError),
    #[error("it cannot be loaded")]
    Load(#[source] LoadError),
    #[error(transparent)]
    Damaged(Box<Damage>),
    #[error(transparent)]
    Unfit(Unfit),
}

/// An app whose component is not the one that was staged. It is not run.
#[derive(Debug, thiserror::Error)]
struct Damage {
    app: PackageName,
    version: Version,
    path: PathBuf,
    found: Option<Digest>,
    staged: Digest,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { app, version, path, found, staged } = self;
        write!(f, "its program is damaged on disk: {} ", path.display())?;
        match found {
            Some(found) => write!(f, "has SHA-256 {found}, {staged} was staged")?,
            None => f.write_str("is gone")?,
        }
        write!(
            f,
            "; its data is untouched. Fetch it anew: `newleaf apps remove {app} --keep-data`, then \
             `newleaf apps install {app} --version {version}`"
        )
    }
}

impl BringUp {
    fn line(&self) -> String {
        newleaf_update::explain::chain(self)
    }

    /// How an app stands that was to be served: where the machine is not to blame, this core cannot
    /// run the version.
    fn standing(&self) -> Standing {
        let line = self.line();
        if self.is_machine_fault() {
            return Standing::Stopped(line);
        }
        Standing::LeftBehind(format!(
            "suspended: {line}. Its data is kept; it comes back by itself with a version that fits, \
             or with the core before"
        ))
    }

    /// Whether the machine is to blame and not the version.
    fn is_machine_fault(&self) -> bool {
        match self {
            Self::Prepare(PrepareError::Compile(error)) => compiler_was_hindered(error),
            Self::Prepare(
                PrepareError::Engine(_)
                | PrepareError::Read { .. }
                | PrepareError::Digest { .. }
                | PrepareError::Cache(_)
                | PrepareError::Interfaces { .. },
            )
            | Self::Load(LoadError::NotPrepared { .. } | LoadError::Cache { .. })
            | Self::Damaged(_) => true,
            Self::Unfit(_)
            | Self::Load(
                LoadError::Memory { .. } | LoadError::Link { .. } | LoadError::NoHandler { .. },
            ) => false,
        }
    }
}

/// A component that is refused, or takes too much processor time or memory, is to blame itself; one
/// whose compiler could not work, crashed or was killed is not.
fn compiler_was_hindered(error: &CompileError) -> bool {
    match error {
        CompileError::Start { .. }
        | CompileError::Wait(_)
        | CompileError::Patience(_)
        | CompileError::Killed { .. } => true,
        // The child tells in words alone; the standard library ends the system's answers so.
        CompileError::Refused { reason } => reason.contains("(os error "),
        CompileError::CpuTime { .. } | CompileError::Memory { .. } => false,
    }
}

impl Apps {
    /// No apps yet; compiled code is kept below `cache/`, they reach the outside as `outbound` says,
    /// and the product's `cookies` are kept from them.
    ///
    /// # Errors
    /// The engine does not start.
    pub(crate) fn new(
        layout: Layout,
        core: Version,
        holding: Holding,
        settings: config::Apps,
        outbound: OutboundSettings,
        cookies: &'static [&'static str],
    ) -> Result<Self, AppsError> {
        let program = std::env::current_exe().map_err(AppsError::Image)?;
        let child = CompileChild { program, arguments: vec!["compile".into()] };
        Self::compiled_by(
            Compiler::Child(child),
            layout,
            core,
            holding,
            settings,
            outbound,
            cookies,
        )
    }

    fn compiled_by(
        compiler: Compiler,
        layout: Layout,
        core: Version,
        holding: Holding,
        settings: config::Apps,
        outbound: OutboundSettings,
        cookies: &'static [&'static str],
    ) -> Result<Self, AppsError> {
        let cache_dir = layout.dir().join("cache/code");
        let host = PluginHost::new(Settings { cache_dir, compiler, outbound });
        let host = host.map_err(AppsError::Engine)?;
        let (entries, pending) = (RwLock::default(), tokio::sync::Mutex::default());
        let board = jobs::Board::default();
        let leaving = leaving::Leaving::default();
        let inner = Inner {
            host,
            layout,
            core,
            holding,
            settings,
            cookies,
            entries,
            pending,
            leaving,
            board,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Loads what `state` says is good. An app that cannot be loaded is stopped with its reason;
    /// one that an update was busy with waits for recovery.
    pub(crate) async fn load_all(&self, state: &State) {
        self.know_all(state, "it is not loaded yet").await;
        for name in self.settings_for_nobody(state) {
            tracing::warn!(app = %name, "newleaf.toml has settings for an app that is not installed");
        }
        for (name, app) in &state.apps {
            let Some(slot) = app.good.as_ref().filter(|_| app.trial.is_none() && !app.disabled)
            else {
                continue;
            };
            match self.bring_up(name, slot).await {
                Ok(loaded) => {
                    self.edit(name, |entry| entry.serve(loaded, slot.digest, Counting::GoesOn));
                }
                Err(error) => {
                    tracing::error!(app = %name, error = error.line(), "an app is not served");
                    self.edit(name, |entry| entry.standing = error.standing());
                }
            }
        }
    }

    /// Notes which apps there are, without loading any; `why` is said of those that nothing else
    /// keeps from serving.
    pub(crate) async fn know_all(&self, state: &State, why: &str) {
        for (name, app) in &state.apps {
            let link = self.link(name, app.good.as_ref()).await;
            let reason = if app.trial.is_some() {
                "its update was interrupted and is being taken back".to_owned()
            } else if app.disabled {
                "it was switched off by an admin".to_owned()
            } else {
                why.to_owned()
            };
            self.write().insert(name.clone(), Entry::new(link, Standing::Stopped(reason)));
        }
    }

    /// Removes compiled code that no installed version needs; only for the worker that holds the
    /// baton, while no update runs.
    pub(crate) async fn sweep_code(&self, state: &State) {
        let mut keep = Vec::new();
        for (name, app) in &state.apps {
            let trial = app.trial.as_ref().map(|trial| &trial.slot);
            for slot in [app.good.as_ref(), app.previous.as_ref(), trial].into_iter().flatten() {
                keep.extend(match slot.component {
                    Some(component) => Some(component),
                    None => self.component_on_disk(name, slot).await,
                });
            }
        }
        let inner = Arc::clone(&self.0);
        match blocking(move || inner.host.sweep(&keep)).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "compiled code of older versions is removed"),
            Err(error) => {
                let error = newleaf_update::explain::chain(&error);
                tracing::warn!(error, "compiled code of older versions was not removed");
            }
        }
    }

    /// Apps that the settings name and `state` does not: a slip of the pen, or apps to come.
    fn settings_for_nobody<'a>(
        &'a self,
        state: &'a State,
    ) -> impl Iterator<Item = &'a PackageName> {
        self.0.settings.each.keys().filter(|name| !state.apps.contains_key(name))
    }

    /// What is loaded, for the log and the probe.
    pub(crate) fn count(&self) -> usize {
        self.read().len()
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<PackageName, Entry>> {
        self.0.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<PackageName, Entry>> {
        self.0.entries.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn edit(&self, app: &PackageName, change: impl FnOnce(&mut Entry)) {
        self.write().get_mut(app).map(change);
    }

    fn data(&self, app: &PackageName) -> PathBuf {
        self.0.layout.dir().join("data/apps").join(app.as_str())
    }

    fn snapshots(&self) -> PathBuf {
        self.0.layout.dir().join("snapshots")
    }

    /// What one app may use of the machine.
    fn limits(&self) -> Limits {
        let config::Apps { processor, answer_within, outbound, .. } = &self.0.settings;
        let (cpu, wall) = (processor.duration(), answer_within.duration());
        let reserve = self.0.settings.reserve.map_or(Reserve::Usual, Reserve::Of);
        Limits { cpu, wall, outbound: outbound.limits(), reserve, ..Limits::default() }
    }

    /// Compiles (or finds compiled) and loads a version; nothing reaches it yet.
    async fn bring_up(&self, app: &PackageName, slot: &AppSlot) -> Result<App, BringUp> {
        self.bring_up_with(app, slot, self.config_of(app, slot)).await
    }

    /// What a version is given when it serves.
    fn config_of(&self, app: &PackageName, slot: &AppSlot) -> AppConfig {
        AppConfig {
            name: app.clone(),
            version: slot.version.clone(),
            base_path: self.0.settings.origin.base(app),
            data_dir: self.data(app),
            grants: slot.grants.clone(),
            settings: self.0.settings.config(app),
            limits: self.limits(),
            outbound: Outbound::Granted,
            reuse: Reuse::NEVER,
            kept_cookies: self.0.cookies,
            clock: Clock::System,
        }
    }

    async fn bring_up_with(
        &self,
        app: &PackageName,
        slot: &AppSlot,
        mut config: AppConfig,
    ) -> Result<App, BringUp> {
        if let Some(manifest) = self.manifest(app, slot).await {
            fit::fits(&manifest, &self.0.core).map_err(BringUp::Unfit)?;
            config.reuse = manifest.reuse;
        }
        let prepared = self.prepared(app, slot).await?;
        let inner = Arc::clone(&self.0);
        blocking(move || inner.host.load(&prepared, config)).await.map_err(BringUp::Load)
    }

    /// The manifest in a slot; none where it cannot be read.
    async fn manifest(&self, app: &PackageName, slot: &AppSlot) -> Option<Manifest> {
        let path = self.0.layout.app_slot(app, slot).join(MANIFEST);
        let bytes = blocking(move || files::read(&path)).await.ok().flatten();
        bytes.and_then(|bytes| Manifest::parse(&bytes).ok())
    }

    /// What people call the app, by the manifest in its slot.
    async fn link(&self, app: &PackageName, slot: Option<&AppSlot>) -> AppLink {
        let manifest = match slot {
            Some(slot) => self.manifest(app, slot).await,
            None => None,
        };
        let (name, summary) = manifest.map_or_else(Default::default, |it| (it.name, it.summary));
        let name = if name.is_empty() { app.app().to_owned() } else { name };
        AppLink { id: app.clone(), name, summary, version: slot.map(|slot| slot.version.clone()) }
    }
}

impl Places for Apps {
    fn find(&self, app: &PackageName) -> Place {
        self.read().get(app).map_or(Place::Unknown, Entry::place)
    }

    fn list(&self) -> Vec<AppLink> {
        self.read().values().map(Entry::link).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host that has the app in its state, and what lies in the app's slot.
    fn installed(component: &[u8], staged: Option<&[u8]>) -> (tempfile::TempDir, State) {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let slot = AppSlot {
            digest: Digest::of(b"package"),
            version: Version::parse("1.0.0").unwrap(),
            grants: newleaf_domain::Grants::default(),
            schema: 1,
            oldest_reader: 1,
            writes: None,
            snapshot: None,
            component: staged.map(Digest::of),
        };
        let folder = layout.app_slot(&notes(), &slot);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("app.wasm"), component).unwrap();
        let mut state = crate::worker::tests::state();
        let app = newleaf_launcher::state::AppState { good: Some(slot), ..Default::default() };
        state.apps.insert(notes(), app);
        (dir, state)
    }

    fn notes() -> PackageName {
        PackageName::parse("acme/notes").unwrap()
    }

    /// Why the app is not served after a start.
    async fn reason(dir: &std::path::Path, state: &State) -> String {
        let holding = Holding { cap: 1, client_within: Duration::ZERO };
        let core = Version::parse("1.1.0").unwrap();
        let settings = config::Apps::default();
        let outbound = OutboundSettings::default();
        let apps = Apps::new(Layout::new(dir), core, holding, settings, outbound, &[]).unwrap();
        apps.load_all(state).await;
        let Place::Stopped { reason } = apps.find(&notes()) else { panic!("it is served") };
        let told = newleaf_update::port::Plugins::serving(&apps, &notes());
        assert_eq!(told.unwrap().stopped.as_ref(), Some(&reason), "the portal tells it too");
        reason
    }

    #[tokio::test]
    async fn an_app_that_is_damaged_on_disk_is_not_run_and_its_page_says_what_mends_it() {
        let (dir, state) = installed(b"bit rot", Some(b"component"));
        let damaged = reason(dir.path(), &state).await;
        assert!(damaged.contains("its program is damaged on disk"), "{damaged}");
        assert!(damaged.contains(&Digest::of(b"component").to_string()), "{damaged}");
        assert!(damaged.contains("newleaf apps remove acme/notes --keep-data"), "{damaged}");
        assert!(damaged.contains("newleaf apps install acme/notes --version 1.0.0"), "{damaged}");
        let slot = state.apps[&notes()].good.as_ref().unwrap();
        let component = Layout::new(dir.path()).app_slot(&notes(), slot).join("app.wasm");
        std::fs::remove_file(component).unwrap();
        assert!(reason(dir.path(), &state).await.contains("app.wasm is gone"));
    }

    #[tokio::test]
    async fn an_app_that_this_core_left_behind_is_suspended_with_its_reason() {
        let (dir, state) = installed(b"component", Some(b"component"));
        let slot = state.apps[&notes()].good.as_ref().unwrap();
        let folder = Layout::new(dir.path()).app_slot(&notes(), slot);
        let manifest = r#"{"id":"acme/notes","version":"1.0.0","core":"<1.1.0"}"#;
        std::fs::write(folder.join(MANIFEST), manifest).unwrap();
        let told = reason(dir.path(), &state).await;
        assert!(told.starts_with("suspended: it needs core <1.1.0, this is 1.1.0."), "{told}");
    }

    #[tokio::test]
    async fn a_slot_of_an_older_version_names_no_digest_and_is_tried() {
        let (dir, state) = installed(b"no component", None);
        assert!(!reason(dir.path(), &state).await.contains("damaged on disk"));
    }

    #[test]
    fn a_compiler_that_could_not_work_is_no_evidence_against_the_component() {
        let refused = |reason: &str| CompileError::Refused { reason: reason.to_owned() };
        for hindered in [
            CompileError::Wait(std::io::ErrorKind::OutOfMemory.into()),
            CompileError::Killed { signal: 9 },
            CompileError::Killed { signal: 11 },
            refused("write code: No space left on device (os error 28)"),
        ] {
            assert!(compiler_was_hindered(&hindered), "{hindered}");
        }
        for own_fault in [
            CompileError::CpuTime { seconds: 30 },
            CompileError::Memory { limit: newleaf_domain::ByteSize::mib(1024) },
            refused("unknown import"),
        ] {
            assert!(!compiler_was_hindered(&own_fault), "{own_fault}");
        }
    }
}
