//! What outlives every version: the sockets, the state file, the journal and the workers.
//!
//! The launcher is one thread around `poll`. It knows no HTTP, no signature and no SQL, so it has
//! little reason to change; it is the only reader and writer of `state` and the only appender of
//! the journal.

pub mod ask;
pub mod durable;
mod enclosure;
pub mod failed_start;
pub mod footing;
mod inherit;
pub mod journal;
pub mod layout;
pub mod lock;
pub mod loss;
pub mod offline;
mod orphans;
pub mod proto;
#[cfg(test)]
mod sample;
pub mod serve;
pub mod state;
pub mod state_file;
pub mod stateless;
pub mod supervisor;
pub mod wire;
pub mod words;

pub use layout::Layout;
pub use offline::StoppedHost;
pub use serve::{Bound, ServeError, Settings};
