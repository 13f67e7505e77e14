//! The command line as a process: what it prints, and the code it exits with.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod anew;
mod bad_input;
mod https;
mod init;
mod looking;
mod place;
mod recovery;
mod refusals;
mod repository;
mod serving;
mod snapshots;
mod told;
#[path = "../../../../tests/src/typed.rs"]
mod typed;
