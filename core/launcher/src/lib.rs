//! What outlives every version: the sockets, the state file, the journal and the workers.
//!
//! The launcher is one thread around `poll`. It knows no HTTP, no signature and no SQL, so it has
//! little reason to change; it is the only reader and writer of `state` and the only appender of
//! the journal.

pub mod journal;
pub mod proto;
pub mod state;
