//! A whole machine and its repository in memory, for tests. The signatures, the packages and the
//! rules of `state` are the real ones; only disk, network and WebAssembly are missing.
//!
//! What survives a crash stands in [`Disk`]; everything else is made anew by [`World::start`].

mod disk;
mod ground;
mod launcher;
mod plugins;
mod policies;
mod publisher;
mod repository;
mod slots;
mod store;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use newleaf_domain::{AbiVersion, Clock, Edition, Platform, Timestamp, Version};

pub use disk::{Data, Disk, Fault, Lie, Point};
pub use ground::FakeGround;
pub use launcher::{FakeLauncher, LauncherWay};
pub use plugins::FakePlugins;
pub use policies::FakePolicies;
pub use publisher::Publisher;
pub use repository::FakeRepository;
pub use slots::FakeSlots;
pub use store::FakeStore;

use crate::{Ports, ProductFace, Settings, Updater};

/// When everything of a fake world happens.
pub const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

/// A machine, a repository, and a clock that stands still until it is set.
#[derive(Debug, Clone)]
pub struct World {
    /// What survives a crash.
    pub disk: Arc<Disk>,
    /// The repository's keys and roles.
    pub publisher: Arc<Mutex<Publisher>>,
    /// The repository as it is served.
    pub repository: Arc<FakeRepository>,
    /// The machine's measurements.
    pub ground: Arc<FakeGround>,
    /// The clock.
    pub clock: Arc<FakeClock>,
}

/// One start of the host in a [`World`].
#[derive(Debug, Clone)]
pub struct Host {
    /// The updater.
    pub updater: Arc<Updater>,
    /// The launcher beside it.
    pub launcher: Arc<FakeLauncher>,
    /// The apps as they run.
    pub plugins: Arc<FakePlugins>,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// A host with core 1.0.0, no apps, and an empty repository it trusts.
    pub fn new() -> Self {
        let publisher = Publisher::new();
        let disk = Arc::new(Disk::new(publisher.root()));
        let clock = Arc::new(FakeClock(Mutex::new(NOW)));
        let world = Self {
            disk,
            repository: Arc::new(FakeRepository::default()),
            publisher: Arc::new(Mutex::new(publisher)),
            ground: Arc::new(FakeGround::new(clock.clone())),
            clock,
        };
        world.publish();
        world
    }

    /// The repository's keys and roles, to be changed; call [`World::publish`] after it.
    pub fn publisher(&self) -> MutexGuard<'_, Publisher> {
        self.publisher.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signs and serves what the publisher has.
    pub fn publish(&self) {
        self.repository.serve(self.publisher().sign(self.clock.now()));
    }

    /// Starts the host with settings whose waits are all zero.
    pub fn start(&self) -> Host {
        self.start_with(quick())
    }

    /// Starts the host.
    pub fn start_with(&self, settings: Settings) -> Host {
        let launcher = Arc::new(FakeLauncher::new(self.disk.clone(), self.clock.clone()));
        let plugins = Arc::new(FakePlugins::start(self.disk.clone()));
        let ports = Ports {
            repository: self.repository.clone(),
            store: Arc::new(FakeStore(self.disk.clone())),
            slots: Arc::new(FakeSlots(self.disk.clone())),
            policies: Arc::new(FakePolicies(self.disk.clone())),
            plugins: plugins.clone(),
            launcher: launcher.clone(),
            ground: self.ground.clone(),
            clock: self.clock.clone(),
        };
        Host { updater: Updater::new(ports, settings, self.face()), launcher, plugins }
    }

    fn face(&self) -> ProductFace {
        ProductFace {
            name: "Newleaf".to_owned(),
            version: self.disk.state().core.good.version.clone(),
            edition: Edition::default(),
            platform: platform(),
            abi: AbiVersion::current(),
            schema: 1,
        }
    }
}

/// Settings whose waits are zero or nearly so, but for those that a test would wait on for ever.
pub fn quick() -> Settings {
    use std::time::Duration;
    let (pause, held) = (Duration::from_millis(1), Duration::from_millis(20));
    let mending = crate::Mending { pause, most: pause, held };
    let (probation, retry_pause) = (Duration::ZERO, Duration::ZERO);
    Settings { retry_pause, probation, mending, ..Settings::default() }
}

/// The platform of every fake machine.
pub fn platform() -> Platform {
    Platform::current()
}

/// A version of a test.
pub(crate) fn version(text: &str) -> Version {
    Version::parse(text).expect("versions of tests are well formed")
}

/// A clock that stands still until it is set.
#[derive(Debug)]
pub struct FakeClock(Mutex<Timestamp>);

impl FakeClock {
    /// Sets it.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
