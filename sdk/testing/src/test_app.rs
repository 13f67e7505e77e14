//! An app that runs in a world of its own.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use newleaf_domain::{Digest, Grant, Grants, JobName, PackageName, Reuse, Version};
use newleaf_plugin_host::{
    App, AppConfig, AppStats, Clock, Compiler, JobError, LifecycleError, Limits, LoadError,
    Network, Outbound, OutboundSettings, PluginHost, PrepareError, ProxyWay, Scripted, SetClock,
    Settings, Slot,
};
use tempfile::TempDir;

use crate::{Answer, FakeNetwork};

/// What an app is to be started with.
#[derive(Debug, Clone)]
pub struct TestApp {
    wasm: PathBuf,
    grants: Grants,
    settings: BTreeMap<String, String>,
    limits: Limits,
    compiler: Compiler,
    cache: Option<PathBuf>,
    outbound: OutboundSettings,
    leaves: Outbound,
    reuse: Reuse,
    clock: Clock,
    base: &'static str,
}

/// The world of one running app. Everything in it goes away when it is dropped.
#[derive(Debug)]
pub struct World {
    folder: TempDir,
    host: PluginHost,
    slot: Arc<Slot>,
    base: &'static str,
}

/// Why an app did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The folder of the world cannot be made.
    #[error("make a folder for the test")]
    Folder(#[source] std::io::Error),
    /// The component cannot be read.
    #[error("read {path}")]
    Read {
        /// Its file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The name or version the world gives an app is not one.
    #[error(transparent)]
    Word(#[from] newleaf_domain::InvalidWord),
    /// It cannot be compiled.
    #[error("prepare the app")]
    Prepare(#[from] PrepareError),
    /// It cannot be linked.
    #[error("load the app")]
    Load(#[from] LoadError),
    /// Its `init` or `health` failed.
    #[error("start the app")]
    Lifecycle(#[from] LifecycleError),
}

impl TestApp {
    /// The component in the file `wasm`, with nothing granted.
    pub fn new(wasm: &Path) -> Self {
        Self {
            wasm: wasm.to_owned(),
            grants: Grants::default(),
            settings: BTreeMap::new(),
            limits: Limits::default(),
            compiler: Compiler::UnsandboxedInThisProcess,
            cache: None,
            outbound: OutboundSettings {
                proxy: ProxyWay::None,
                network: Network::Scripted(Arc::new(Scripted::default())),
                ..OutboundSettings::default()
            },
            leaves: Outbound::Granted,
            reuse: Reuse::NEVER,
            clock: Clock::System,
            base: World::BASE,
        }
    }

    /// Serves the app at a host name of its own (`apps.origin = "subdomain"`), and not below a path:
    /// its base path is empty.
    #[must_use]
    pub fn own_host(mut self) -> Self {
        self.base = "";
        self
    }

    /// Grants one thing more.
    #[must_use]
    pub fn grant(mut self, grant: Grant) -> Self {
        let mut grants: Vec<Grant> = self.grants.into();
        grants.push(grant);
        self.grants = grants.into();
        self
    }

    /// Gives a setting.
    #[must_use]
    pub fn setting(mut self, key: &str, value: &str) -> Self {
        self.settings.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Sets the limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Lets the app reach `network`, as far as it is granted; without it there is none.
    #[must_use]
    pub fn network(mut self, network: &FakeNetwork) -> Self {
        self.outbound.network = network.scripted();
        self
    }

    /// Has `clock` tell the app the time; without it the machine does.
    #[must_use]
    pub fn clock(mut self, clock: &SetClock) -> Self {
        self.clock = Clock::Set(clock.clone());
        self
    }

    /// Sets all of the way to the outside, as a host does. A network of the system's is the real one.
    #[must_use]
    pub fn outbound(mut self, settings: OutboundSettings) -> Self {
        self.outbound = settings;
        self
    }

    /// Sets whether requests to the outside leave at all, as in a rehearsal they do not.
    #[must_use]
    pub fn leaves(mut self, leaves: Outbound) -> Self {
        self.leaves = leaves;
        self
    }

    /// Lets one instance answer several requests, one after another, as the manifest's `reuse` does.
    #[must_use]
    pub fn reuse(mut self, reuse: Reuse) -> Self {
        self.reuse = reuse;
        self
    }

    /// Compiles elsewhere than in the test's own process.
    #[must_use]
    pub fn compiler(mut self, compiler: Compiler) -> Self {
        self.compiler = compiler;
        self
    }

    /// Keeps compiled code in `folder`, so that several worlds of one app compile it once.
    #[must_use]
    pub fn cache(mut self, folder: &Path) -> Self {
        self.cache = Some(folder.to_owned());
        self
    }

    /// Starts the app as an installation does: compiled, linked, `init`, `health`.
    pub async fn start(self) -> Result<World, StartError> {
        let folder = tempfile::tempdir().map_err(StartError::Folder)?;
        let host = PluginHost::new(Settings {
            cache_dir: self.cache.clone().unwrap_or_else(|| folder.path().join("cache")),
            compiler: self.compiler.clone(),
            outbound: self.outbound.clone(),
        })?;
        let app = load(&host, folder.path(), self.base, &self).await?;
        app.init().await?;
        app.health().await?;
        Ok(World { folder, host, slot: Slot::new(app), base: self.base })
    }
}

/// Compiles and links an app for the world in `folder`, to be served below `base`.
async fn load(
    host: &PluginHost,
    folder: &Path,
    base: &str,
    app: &TestApp,
) -> Result<App, StartError> {
    let read = |source| StartError::Read { path: app.wasm.clone(), source };
    let digest = Digest::of(&std::fs::read(&app.wasm).map_err(read)?);
    let prepared = host.prepare(&app.wasm, digest).await?;
    let config = AppConfig {
        name: PackageName::parse("acme/app")?,
        version: Version::parse("0.0.0")?,
        base_path: base.to_owned(),
        data_dir: folder.join("data"),
        grants: app.grants.clone(),
        settings: app.settings.clone(),
        limits: app.limits,
        outbound: app.leaves,
        reuse: app.reuse,
        kept_cookies: &[],
        clock: app.clock.clone(),
    };
    Ok(host.load(&prepared, config)?)
}

impl World {
    /// The path under which an app is served that has [no host name of its own](TestApp::own_host).
    pub const BASE: &str = "/apps/acme/app";

    /// The path under which the app is served; requests are made below it.
    pub fn base(&self) -> &'static str {
        self.base
    }

    /// The slot that serves the app.
    pub fn slot(&self) -> &Arc<Slot> {
        &self.slot
    }

    /// The folder of the app's data.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A folder for whatever the test keeps.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the app has done since it was loaded.
    pub fn stats(&self) -> AppStats {
        self.slot.app().stats()
    }

    /// Runs a job of the app, as the host does when it is due.
    ///
    /// # Errors
    /// [`JobError`]: what the app said, or what became of the run.
    pub async fn run_job(&self, job: &JobName) -> Result<(), JobError> {
        self.slot.run_job(job).await
    }

    /// Compiles and links another version for the same data, served where the first one is, without
    /// serving it yet.
    pub async fn load(&self, app: &TestApp) -> Result<App, StartError> {
        load(&self.host, self.folder.path(), self.base, app).await
    }

    /// Asks for `path`, which begins with `/` and is below the app.
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], Bytes::new()).await
    }

    /// Sends a form.
    pub async fn post_form(&self, path: &str, form: &str) -> Answer {
        let fields = [("content-type", "application/x-www-form-urlencoded")];
        self.send("POST", path, &fields, form.to_owned().into()).await
    }

    /// Sends JSON.
    pub async fn post_json(&self, path: &str, json: &str) -> Answer {
        self.send("POST", path, &[("content-type", "application/json")], json.to_owned().into())
            .await
    }

    /// Sends a request and reads its answer to the end.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: Bytes,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("host", "localhost");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        match request.body(Full::new(body)) {
            Ok(request) => Answer::read(self.slot.handle(request).await).await,
            Err(error) => Answer {
                status: 400,
                headers: http::HeaderMap::new(),
                body: format!("not a request: {error}").into(),
                failure: None,
                broken_off: None,
            },
        }
    }
}
