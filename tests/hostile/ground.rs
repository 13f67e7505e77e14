//! The ground all tests of this program share: a registry, a host, an honest app; and the peace in
//! which the neighbour is asked first.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use newleaf_tests::skip::system_tier;
use newleaf_tests::world::{Host, HostSettings, World};

use crate::client::{self, Answer, Asked};
use crate::keeper::Keeper;
use crate::packages;

/// Seconds of processor time that a request of an app may use here.
pub(crate) const PROCESSOR: f64 = 1.0;

/// Seconds an app may take to answer here.
pub(crate) const ANSWER_WITHIN: f64 = 7.0;

/// One registry and one host.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) world: World,
    pub(crate) host: Host,
    /// The neighbour's p99 in milliseconds while nobody is hostile.
    pub(crate) quiet: OnceLock<f64>,
    /// Packages that were published.
    published: Mutex<BTreeSet<String>>,
    _keeper: Keeper,
}

/// The ground, for one test at a time; none where this tier does not run it.
pub(crate) fn ground(test: &str) -> Option<MutexGuard<'static, Ground>> {
    static GROUND: OnceLock<Mutex<Ground>> = OnceLock::new();
    if !system_tier(test) {
        return None;
    }
    let ground = GROUND.get_or_init(|| Mutex::new(Ground::make()));
    Some(ground.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Ground {
    fn make() -> Self {
        let (world, host) = World::with_host(HostSettings {
            processor: PROCESSOR,
            answer_within: ANSWER_WITHIN,
            ..HostSettings::default()
        });
        let keeper = Keeper::of(world.folder(), &[&host.process, &world.registry.process]);
        let (quiet, published) = (OnceLock::new(), Mutex::default());
        Self { world, host, quiet, published, _keeper: keeper }
    }

    /// Publishes and installs the app in `tests/apps/<name>`; where another test did, switches it
    /// off and on again: nothing is known any more of what its instances took, or it was told.
    pub(crate) fn install(&self, name: &str) {
        let id = id(name);
        if self.publish(name, || packages::of_folder(name)) {
            self.host.run(&["apps", "install", &id, "--yes"]).assert_code(0);
        } else {
            self.host.run(&["apps", "disable", &id]).assert_code(0);
            self.host.run(&["apps", "enable", &id]).assert_code(0);
        }
    }

    /// Publishes what `make` makes, once for each `key`; whether it was now.
    pub(crate) fn publish<P: AsRef<Path>>(&self, key: &str, make: impl FnOnce() -> P) -> bool {
        let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = !published.contains(key);
        if is_new {
            self.world.registry.publish_package(make().as_ref());
            published.insert(key.to_owned());
        }
        is_new
    }

    /// Asks the app `name` for `path`.
    pub(crate) fn get(&self, name: &str, path: &str) -> Answer {
        client::ask(self.host.public, &Asked::get(name, path)).unwrap()
    }

    /// The same `count` times at once.
    pub(crate) fn get_many(&self, name: &str, path: &str, count: usize) -> Vec<Answer> {
        client::ask_many(self.host.public, &Asked::get(name, path), count)
    }

    /// Posts `body` to the app `name`.
    pub(crate) fn post(&self, name: &str, path: &str, body: &[u8]) -> Answer {
        client::ask(self.host.public, &Asked::post(name, path, body)).unwrap()
    }

    /// Shows that the app `name` answers as ever.
    pub(crate) fn is_well(&self, name: &str) {
        let answer = self.get(name, "/");
        assert_eq!((answer.status, answer.text().as_str()), (200, "well"), "{name} is not well");
    }
}

/// The id of the app `name`.
pub(crate) fn id(name: &str) -> String {
    format!("acme/{name}")
}
