//! The public tree as it is served: role files from memory, targets from the disk. Never asks the
//! database.

mod roles;
mod targets;

pub use roles::TreeError;
pub(crate) use roles::{Cache, Tree};
pub(crate) use targets::{ServeError, is_known, serve};
