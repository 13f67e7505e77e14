//! The planner through its public door, over roles that are really signed and verified.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod downgrades;
mod hops;
mod plans;
mod properties;
mod staleness;
mod verdicts;
mod world;
