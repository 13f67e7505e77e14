//! The registry: a write path with a database, a read path of static files.
//!
//! Publishers send roles that they have signed; the registry checks them, includes them by signing
//! a snapshot and a timestamp, and serves the result as plain files. It holds no key with which an
//! installed app or the core could be replaced. What it serves can be copied to any static server:
//! `public/` in its folder is the whole repository.

mod cli;
mod clock;
mod db;
mod dir;
mod durable;
mod init;
mod log;
mod object;
mod publish;
mod registry;
mod role_signing;
mod route;
mod serve;
mod settings;
mod smaller;
mod tree;

pub use cli::run;
pub use clock::SystemClock;
pub use db::{Db, DbError};
pub use dir::{Dir, DirError};
pub use init::{InitError, init};
pub use publish::{BatchError, work};
pub use registry::{OpenError, Registry};
pub use role_signing::{OnlineKeys, OnlineKeysError, SigningError};
pub use route::router;
pub use serve::{ServeError, Serving};
pub use settings::{Effort, Settings, SettingsError};
pub use smaller::make_smaller;
pub use tree::TreeError;
