//! Runs apps: WebAssembly components with limits, storage and grants.
//!
//! The way of an app through this crate:
//!
//! 1. [`inspect`] reads what a component imports and exports, without running any of it.
//! 2. [`PluginHost::prepare`] compiles it in a child process ([`compile_main`]) and keeps the
//!    result in a cache.
//! 3. [`PluginHost::load`] links it with the host's interfaces and the admin's grants: an [`App`].
//! 4. A [`Slot`] serves the app and swaps it for another without losing a request.
//! 5. [`App::probe`] asks a version for pages that visitors asked for lately, before any of them
//!    reaches it.
//! 6. [`storage::snapshot`] and [`storage::restore`] copy its data while it is quiet.
//!
//! What is not here: where packages come from, whether they are to be trusted, and who may change
//! what runs. Bytes that reach this crate have been verified, or are the author's own.

mod abi;
mod address;
mod ahead;
mod allowance;
mod app;
mod body;
mod cache;
mod clock;
mod compile;
mod egress;
mod engine;
mod entrance;
mod handler;
mod host;
mod inspect;
mod instance;
mod job;
mod kept;
mod lane;
mod latency;
mod lifecycle;
mod limits;
mod meter;
mod probe;
mod shelf;
mod sizes;
mod slot;
mod stats;
pub mod storage;
mod together;
mod traffic;
mod voice;

pub use app::{App, AppConfig, Failure};
pub use body::{AppBody, BodyError};
pub use cache::Prepared;
pub use clock::{Clock, SetClock};
pub use compile::{CompileChild, CompileError, CompileLimits, Compiler, compile_main};
pub use egress::{
    Door, HostGrant, InvalidHost, Network, Outbound, OutboundLimits, OutboundSettings,
    OutboundStats, ProxyUse, ProxyWay, Roots, Scripted,
};
pub use engine::EngineError;
pub use host::{LoadError, PluginHost, PrepareError, Settings};
pub use inspect::{Handler, InspectError, Inspection, inspect};
pub use job::JobError;
pub use lifecycle::LifecycleError;
pub use limits::{Limits, Reserve};
pub use probe::ProbeError;
pub use slot::{Cut, Slot, SlotStats};
pub use stats::{AppStats, JobStats, Lately};
