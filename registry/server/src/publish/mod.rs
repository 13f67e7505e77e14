//! From a role that was sent to a release that hosts can see.
//!
//! A role is received (`receive`), checked against everything it may not do (`check`), stored, and
//! included by signing a snapshot over it (`batch`). Files are queued in the database by the same
//! transaction that decides, and written after it (`write`); so a crash at any point leaves either
//! the old state of the repository or, once the queue is worked off, the new one.

mod batch;
mod check;
mod prune;
mod receive;
mod worker;
mod write;

#[cfg(test)]
mod crash_tests;

pub use batch::BatchError;
pub(crate) use receive::{Receipt, ReceiveError, decision, receive};
pub use worker::work;
