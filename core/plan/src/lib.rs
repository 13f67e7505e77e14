//! Chooses releases: installed, verified targets, policy and a time in, a plan out. Pure.
//!
//! The only place where a version is chosen. Whoever carries a plan out makes no choice, and
//! whoever shows one repeats the reasons given here. Nothing is read, fetched or changed: the same
//! four inputs give the same plan, to the byte of its id.
//!
//! One target at a time: a plan has one change, or several hops of one target where releases have
//! to be installed before the one it is for. Releases of apps that core would have to wait for (or
//! the reverse) are refused with their reason, not solved for; what a new core would leave behind
//! is told beforehand, each with the version that leads on ([`left_behind`]).

mod automatic;
mod change;
mod choose;
mod judge;
mod left_behind;
mod listing;
mod plan;
mod recheck;
pub mod request;
mod rollout;
mod route;
mod survey;

pub use automatic::{Automatic, WaitsFor};
pub use choose::{Outcome, Planned, Refusal, plan};
pub use left_behind::{LeftBehind, WayOn, left_behind};
pub use plan::{Age, Because, Candidate, Change, Plan, Reason, Verdict};
pub use recheck::{PLAN_LIFETIME_SECONDS, Stale, recheck, rest};
pub use request::{
    FreshAuthors, Installed, InstalledApp, InstalledCore, KeptSchema, Needs, Policy, Request,
};
pub use survey::{Survey, survey};
