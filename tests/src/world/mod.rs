//! A registry, an author, a release team and a host, all as real processes on this machine.

mod ask;
mod host;
mod mirror;
mod notes;
mod pack;
mod registry;
mod settings;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::build;

pub use ask::Answer;
pub use host::Host;
pub use mirror::{Mirror, read_key};
pub use notes::NotesData;
pub use pack::CoreRelease;
pub use registry::{Registry, Smaller};
pub use settings::HostSettings;

/// How long a process is given until it is ready; far beyond what an idle machine needs.
pub const START: Duration = Duration::from_mins(2);

/// One registry with an author's and a release team's keys. Hosts are added to it.
#[derive(Debug)]
pub struct World {
    /// The registry and those who publish to it.
    pub registry: Registry,
    folder: TempDir,
}

impl World {
    /// A running registry that knows the author `acme` and has published nothing yet.
    pub fn new() -> Self {
        Self::with_registry(Smaller::Never)
    }

    /// The same, with a registry that makes smaller forms or not.
    pub fn with_registry(smaller: Smaller) -> Self {
        build::programs();
        let folder = tempfile::Builder::new().prefix("newleaf-world-").tempdir().unwrap();
        let registry = Registry::start(
            &folder.path().join("registry"),
            &folder.path().join("offline"),
            smaller,
        );
        Self { registry, folder }
    }

    /// The world most tests begin in: core 1.0.0 and notes 1.0.0 published, and a host that runs
    /// both.
    pub fn with_host(settings: HostSettings) -> (Self, Host) {
        let world = Self::new();
        world.registry.publish_core(CoreRelease::Stock);
        world.registry.publish_app("tests/apps/notes-1.0.0");
        let host = world.host("host", settings);
        host.run(&["apps", "install", "acme/notes", "--yes"]).assert_code(0);
        (world, host)
    }

    /// A new host of this registry, started.
    pub fn host(&self, name: &str, settings: HostSettings) -> Host {
        Host::start(&self.path(name), &self.registry.url, &self.registry.root, settings)
    }

    /// A new host of this registry whose program at `<prefix>` is that of `core`, started.
    pub fn host_of(&self, core: CoreRelease, name: &str, settings: HostSettings) -> Host {
        let (url, root) = (&self.registry.url, &self.registry.root);
        Host::start_of(core, &self.path(name), url, root, settings)
    }

    /// A path below the world's folder, which is removed at the end.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The world's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}
