//! The doors through which every effect goes. Each is a trait that the host fills, with a fake for
//! tests that keeps a whole machine in memory.

mod ground;
mod launcher;
mod plugins;
mod policies;
mod rehearsal;
mod repository;
mod slots;
mod store;

#[cfg(any(test, feature = "fakes"))]
pub mod fake;

use std::sync::Arc;

use newleaf_domain::Clock;

pub use ground::{
    Area, ColdStart, FileRight, FileVoid, Filesystem, Given, Ground, GroundError, Held, Locality,
    Probe, ProbeFault, ProbeResult, Probed, Space,
};
pub use launcher::{Launcher, LauncherError, News, Reach};
pub use plugins::{
    Counting, Drained, Faults, Kept, PluginError, Plugins, Probation, Removed, Serving, Traffic,
    Trouble,
};
pub use policies::{Policies, PolicyError};
pub(crate) use rehearsal::counted;
pub use rehearsal::{
    AppRehearsed, BrokenApp, RehearsalError, RehearsalWaits, Rehearsed, WarmLine, Warmed,
};
pub use repository::{Body, Length, Place, Repository, RepositoryError, Resume, Wanted};
pub use slots::{
    Download, ExpandError, Heard, Inspected, Keep, Measured, Partial, SelfTest, SlotError, SlotRef,
    Slots, Swept, Unpacked, runs,
};
pub use store::{Contact, PlanMemo, Store, StoreError};

/// All doors together.
#[derive(Debug, Clone)]
pub struct Ports {
    /// Where releases come from.
    pub repository: Arc<dyn Repository>,
    /// What must survive a restart: trust, pins, plans.
    pub store: Arc<dyn Store>,
    /// Downloads, staging and slots on disk.
    pub slots: Arc<dyn Slots>,
    /// Where an admin's decisions are kept.
    pub policies: Arc<dyn Policies>,
    /// The apps that run.
    pub plugins: Arc<dyn Plugins>,
    /// The one writer of state and journal.
    pub launcher: Arc<dyn Launcher>,
    /// Measurements of the machine.
    pub ground: Arc<dyn Ground>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}
