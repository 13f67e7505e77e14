//! The ports filled for a real machine: HTTP and files, slots on disk, apps on wasmtime, the
//! launcher over its socket, the portal's stores over `newleaf.db`. Decides nothing.

mod clock;
mod cold_start;
mod files;
mod folder;
mod ground;
mod history;
mod launcher;
mod plugins;
mod policies;
mod portal;
mod repository;
mod slots;
mod store;

pub(crate) use clock::SystemClock;
pub(crate) use cold_start::Listening;
pub use folder::ports_of_folder;
pub(crate) use ground::{HostGround, filesystem_of};
pub(crate) use history::follow as follow_history;
pub(crate) use launcher::{FolderLauncher, WorkerLauncher};
pub(crate) use plugins::{Apps, AppsError, Holding, JobKey, JobRunner, kept};
pub(crate) use policies::TomlPolicies;
pub(crate) use portal::{DbLinks, DbSessions};
pub(crate) use repository::{OpenError, open};
pub(crate) use slots::DiskSlots;
pub(crate) use store::DiskStore;

/// Name of the file below the host's folder that holds 32 random bytes as hex.
pub(crate) const INSTALL_ID: &str = "install-id";
