//! The plugin host: prepares components and loads them as apps.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use newleaf_domain::{Digest, PackageName};
use wasmtime::{Engine, component::Linker};

use crate::{
    abi,
    app::{App, AppConfig},
    cache::{Cache, CacheError, Loaded, Prepared},
    compile::{CompileError, CompileLimits, Compiler},
    egress::{self, Lines, OutboundSettings},
    engine::{self, EngineError},
    entrance::Entrance,
    instance::Instance,
    lane::Lane,
    limits::as_usize,
    storage,
};

/// Where and how apps are compiled.
#[derive(Debug, Clone)]
pub struct Settings {
    /// A folder for compiled code. It is made, closed to everyone else, and may be deleted at any
    /// time.
    pub cache_dir: PathBuf,
    /// Where components are compiled.
    pub compiler: Compiler,
    /// How apps reach the outside.
    pub outbound: OutboundSettings,
}

/// Runs apps. One a process: it owns the engine and its thread.
pub struct PluginHost {
    engine: Engine,
    linker: Linker<Instance>,
    cache: Arc<Cache>,
    compiler: Compiler,
    lines: Arc<Lines>,
    lane: Arc<Lane>,
}

/// Why a component could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The engine does not start.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The component cannot be read.
    #[error("read {path}")]
    Read {
        /// Its file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The file is not the one that was verified.
    #[error("{path} has SHA-256 {actual}, but {expected} was verified")]
    Digest {
        /// Its file.
        path: PathBuf,
        /// What it has.
        actual: Digest,
        /// What it should have.
        expected: Digest,
    },
    /// The cache cannot be used.
    #[error("keep compiled code")]
    Cache(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The component cannot be compiled.
    #[error(transparent)]
    Compile(CompileError),
    /// The host's own interfaces cannot be linked: a fault of this program.
    #[error("the host's interfaces cannot be set up: {reason}")]
    Interfaces {
        /// The engine's words.
        reason: String,
    },
}

/// Why a prepared component could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Its compiled code is gone or damaged; prepare it again.
    #[error("the compiled code of {app} is gone; it must be prepared again")]
    NotPrepared {
        /// The app.
        app: PackageName,
    },
    /// Its compiled code cannot be read.
    #[error("read the compiled code of {app}")]
    Cache {
        /// The app.
        app: PackageName,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It asks for more than the pool of instances can give.
    #[error("{app} may use {asked} of memory, more than the {most} an instance can have")]
    Memory {
        /// The app.
        app: PackageName,
        /// Its limit.
        asked: newleaf_domain::ByteSize,
        /// What is possible.
        most: newleaf_domain::ByteSize,
    },
    /// It wants something that this host does not have.
    #[error("{app} does not fit this host: {reason}")]
    Link {
        /// The app.
        app: PackageName,
        /// What is missing, in the engine's words.
        reason: String,
    },
    /// It answers no requests.
    #[error("{app} exports neither wasi:http/incoming-handler@0.2 nor wasi:http/handler@0.3")]
    NoHandler {
        /// The app.
        app: PackageName,
    },
}

impl LoadError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotPrepared { .. } | Self::Cache { .. } => "try again: the app is compiled anew",
            Self::Memory { .. } => "lower the app's memory limit",
            Self::Link { .. } => "update the host, or take a version of the app made for it",
            Self::NoHandler { .. } => "ask the author: this is not an app",
        }
    }
}

impl PluginHost {
    /// A host with its engine running.
    pub fn new(settings: Settings) -> Result<Self, PrepareError> {
        if !storage::bound_memory() {
            tracing::warn!(
                "the memory of apps' statements is not bounded: SQLite was in use before"
            );
        }
        let lane = Lane::of_this_machine();
        let engine = engine::running(&lane)?;
        let linker = link(&engine)
            .map_err(|error| PrepareError::Interfaces { reason: format!("{error:#}") })?;
        let cache = Arc::new(Cache::open(&settings.cache_dir, &engine).map_err(cache_failed)?);
        let lines = Lines::new(settings.outbound);
        Ok(Self { engine, linker, cache, compiler: settings.compiler, lines, lane })
    }

    /// Compiles the component in the file `wasm`, whose SHA-256 must be `digest`, unless the cache
    /// has it already. The file must not change meanwhile; it lies in a slot, which nobody writes.
    pub async fn prepare(&self, wasm: &Path, digest: Digest) -> Result<Prepared, PrepareError> {
        self.prepare_within(CompileLimits::USUAL, wasm, digest).await
    }

    /// The same, where compiling may take what `limits` says.
    pub async fn prepare_within(
        &self,
        limits: CompileLimits,
        wasm: &Path,
        digest: Digest,
    ) -> Result<Prepared, PrepareError> {
        if !self.has_usable(digest).await? {
            let actual = digest_of(wasm).await?;
            if actual != digest {
                return Err(PrepareError::Digest {
                    path: wasm.to_owned(),
                    actual,
                    expected: digest,
                });
            }
            let filled = Cache::fill(&self.cache, &self.compiler, limits, wasm, digest).await;
            filled.map_err(cache_failed)?;
            self.check_fit(digest).await?;
        }
        Ok(Prepared { digest })
    }

    /// Removes compiled code of components that `keep` does not name, and of other engines; gives
    /// the number of files. For a host that alone decides what is installed: another one that
    /// shares the cache compiles again what it needs.
    pub fn sweep(&self, keep: &[Digest]) -> Result<usize, PrepareError> {
        self.cache.sweep(keep).map_err(cache_failed)
    }

    /// Refuses code that was compiled just now and that the engine does not take: a component that
    /// wants more of the pool than one may have.
    async fn check_fit(&self, digest: Digest) -> Result<(), PrepareError> {
        match self.look_up(digest).await? {
            Ok(Loaded::Unusable(reason)) => {
                Err(PrepareError::Compile(CompileError::Refused { reason }))
            }
            Ok(Loaded::Component(_) | Loaded::Nothing) | Err(_) => Ok(()),
        }
    }

    /// Whether the cache has code of the component that can be loaded.
    async fn has_usable(&self, digest: Digest) -> Result<bool, PrepareError> {
        Ok(matches!(self.look_up(digest).await?, Ok(Loaded::Component(_))))
    }

    /// What the cache has of the component, found out where reading, hashing and loading some
    /// megabytes holds nobody up.
    async fn look_up(&self, digest: Digest) -> Result<Result<Loaded, CacheError>, PrepareError> {
        let (cache, engine) = (Arc::clone(&self.cache), self.engine.clone());
        let loaded = tokio::task::spawn_blocking(move || cache.load(&engine, &digest));
        loaded.await.map_err(|error| PrepareError::Cache(Box::new(error)))
    }

    /// Links a prepared component with the host's interfaces: the final word on whether it runs
    /// here. Nothing of the app is run.
    ///
    /// Reads and hashes the compiled code, which takes some milliseconds a megabyte: a server with
    /// large apps calls this on a thread that may block.
    pub fn load(&self, prepared: &Prepared, config: AppConfig) -> Result<App, LoadError> {
        let app = || config.name.clone();
        let (asked, most) = (config.limits.memory, engine::POOL_MEMORY);
        if as_usize(asked) > as_usize(most) {
            return Err(LoadError::Memory { app: app(), asked, most });
        }
        let component = match self.cache.load(&self.engine, &prepared.digest) {
            Ok(Loaded::Component(component)) => component,
            Ok(Loaded::Nothing | Loaded::Unusable(_)) => {
                return Err(LoadError::NotPrepared { app: app() });
            }
            Err(error) => return Err(LoadError::Cache { app: app(), source: Box::new(error) }),
        };
        let pre = self
            .linker
            .instantiate_pre(&component)
            .map_err(|error| LoadError::Link { app: app(), reason: format!("{error:#}") })?;
        let entrance = Entrance::of(&pre).ok_or_else(|| LoadError::NoHandler { app: app() })?;
        let lines = self.lines.clone();
        Ok(App::new(&self.engine, &self.lane, config, pre, entrance, lines))
    }
}

impl std::fmt::Debug for PluginHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PluginHost").field("cache", &self.cache).finish_non_exhaustive()
    }
}

/// SHA-256 of a file, computed where it holds nobody up.
async fn digest_of(wasm: &Path) -> Result<Digest, PrepareError> {
    let path = wasm.to_owned();
    let read =
        tokio::task::spawn_blocking(move || std::fs::read(path).map(|bytes| Digest::of(&bytes)));
    let failed = |source| PrepareError::Read { path: wasm.to_owned(), source };
    read.await.map_err(std::io::Error::other).and_then(|digest| digest).map_err(failed)
}

/// All of WASI, with empty contexts behind it (every language's runtime imports it), and our own
/// interfaces, which are where permission is given.
fn link(engine: &Engine) -> wasmtime::Result<Linker<Instance>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    egress::codes::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    egress::heads::add_to_linker(&mut linker)?;
    abi::v1::add_to_linker(&mut linker)?;
    Ok(linker)
}

fn cache_failed(error: CacheError) -> PrepareError {
    match error {
        CacheError::Compile(error) => PrepareError::Compile(error),
        error @ (CacheError::File { .. } | CacheError::Ended(_)) => {
            PrepareError::Cache(Box::new(error))
        }
    }
}
