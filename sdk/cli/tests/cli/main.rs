//! The author's command line as a process: what it does, prints and exits with.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod making;
mod program;
mod publishing;
mod registry;
mod usage;
