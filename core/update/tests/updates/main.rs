//! Whole updates over a machine and a repository in memory: what passes, what is refused, and
//! what a crash at any record leaves behind.
#![expect(clippy::unwrap_used, reason = "a story that breaks off is a failed test")]

mod anew;
mod app;
mod bare;
mod choice;
mod code_only;
mod consent;
mod core;
mod crash;
mod fetch;
mod hops;
mod interrupted;
mod lifecycle;
mod off;
mod refused;
mod rehearsed;
mod story;
mod watching;
