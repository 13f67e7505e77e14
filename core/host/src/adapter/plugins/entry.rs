//! One installed app as it stands in this process.

use std::sync::Arc;
use std::time::Duration;

use newleaf_domain::{ByteSize, Digest};
use newleaf_plugin_host::storage::WriteCount;
use newleaf_plugin_host::{App, Lately, Slot};
use newleaf_update::port::{Counting, Serving};
use newleaf_update::view::{Usage, Work};

use crate::route::{AppLink, Place};

/// An installed app.
#[derive(Debug)]
pub(super) struct Entry {
    link: AppLink,
    pub(super) standing: Standing,
    /// The switch to the version that served last, where this process has made it.
    tally: Option<Tally>,
}

/// Whether requests reach it.
#[derive(Debug)]
pub(super) enum Standing {
    /// They do, or wait in the slot.
    Serving(Loaded),
    /// They do not, for this reason.
    Stopped(String),
    /// They do not, since this core cannot run the version, for this reason.
    LeftBehind(String),
}

/// A loaded app in its slot.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    pub(super) slot: Arc<Slot>,
}

/// What is known of the switch to one version, and of its writes since. What it wrote while it was
/// brought in (its migration) is not among them.
#[derive(Debug)]
struct Tally {
    /// The digest of its slot.
    of: Digest,
    /// One for each time that it was loaded: a request that began before the app was switched off
    /// and on again still writes by its own.
    counts: Vec<WriteCount>,
    /// How the version served that it took over from.
    before: Lately,
}

impl Tally {
    fn written(&self) -> u64 {
        self.counts.iter().map(WriteCount::now).sum()
    }
}

impl Entry {
    pub(super) const fn new(link: AppLink, standing: Standing) -> Self {
        Self { link, standing, tally: None }
    }

    /// Serves `app`, loaded from the slot with this digest: in the place that is there, so that those
    /// who wait in it go on to it.
    pub(super) fn serve(&mut self, app: App, digest: Digest, counting: Counting) {
        self.link.version = Some(app.version().clone());
        let before = self.loaded().map(|loaded| loaded.slot.app().lately()).unwrap_or_default();
        self.tally = match (counting, self.tally.take()) {
            (Counting::Begins, _) => Some(Tally { of: digest, counts: Vec::new(), before }),
            (Counting::GoesOn, tally) => tally.filter(|tally| tally.of == digest),
        };
        if let Some(tally) = &mut self.tally {
            tally.counts.push(app.write_count());
        }
        let slot = match &self.standing {
            Standing::Serving(loaded) => {
                loaded.slot.swap(app);
                Arc::clone(&loaded.slot)
            }
            Standing::Stopped(_) | Standing::LeftBehind(_) => Slot::new(app),
        };
        self.standing = Standing::Serving(Loaded { slot });
    }

    /// Serves nobody any more.
    pub(super) fn stop(&mut self, reason: &str) {
        self.standing = Standing::Stopped(reason.to_owned());
    }

    pub(super) fn rename(&mut self, link: AppLink) {
        self.link = link;
    }

    pub(super) fn loaded(&self) -> Option<Loaded> {
        match &self.standing {
            Standing::Serving(loaded) => Some(loaded.clone()),
            Standing::Stopped(_) | Standing::LeftBehind(_) => None,
        }
    }

    /// How the version before served its visitors; empty where that is not known.
    pub(super) fn before(&self) -> Lately {
        self.tally.as_ref().map(|tally| tally.before.clone()).unwrap_or_default()
    }

    pub(super) fn place(&self) -> Place {
        match &self.standing {
            Standing::Serving(loaded) => Place::Serving(Arc::clone(&loaded.slot)),
            Standing::Stopped(reason) | Standing::LeftBehind(reason) => {
                Place::Stopped { reason: reason.clone() }
            }
        }
    }

    pub(super) fn link(&self) -> AppLink {
        let version =
            self.link.version.clone().filter(|_| matches!(self.standing, Standing::Serving(_)));
        AppLink { version, ..self.link.clone() }
    }

    /// As the updater sees it; none where no version was ever loaded.
    pub(super) fn serving(&self) -> Option<Serving> {
        let stopped = match &self.standing {
            Standing::Serving(_) => None,
            Standing::Stopped(reason) | Standing::LeftBehind(reason) => Some(reason.clone()),
        };
        Some(Serving {
            version: self.link.version.clone()?,
            stopped,
            left_behind: matches!(self.standing, Standing::LeftBehind(_)),
            writes: self.tally.as_ref().map(Tally::written),
            work: Work { jobs: Vec::new(), usage: self.loaded().map(|loaded| loaded.usage()) },
        })
    }
}

impl Loaded {
    /// What the version used since it was loaded.
    fn usage(&self) -> Usage {
        let stats = self.slot.app().stats();
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Usage {
            requests: stats.requests,
            in_flight: stats.in_flight as u64,
            traps: stats.traps,
            server_errors: stats.server_errors,
            p50_us: stats.p50.map(micros),
            p99_us: stats.p99.map(micros),
            cpu_ms: micros(stats.cpu) / 1_000,
            memory: ByteSize::bytes(stats.memory),
            stored: None,
            job_runs: stats.jobs.runs,
            job_failures: stats.jobs.failures,
        }
    }
}
