//! An app's data: its SQL tables and key-value pairs in one SQLite file, its blobs as files beside.
//!
//! The index of the blobs is in the database too, so that one quota bounds all and one transaction
//! can span all.
//!
//! The app's statements run only on connections made by `guard`. Snapshots are whole-file copies
//! of a database nobody uses; a live copy, which a rehearsal works on, is taken from one in use.

#[cfg(test)]
mod blob_tests;
mod blobs;
mod copy;
mod database;
mod functions;
mod guard;
mod keys;
mod live;
mod memory;
mod reserve;
mod schema;
mod session;
mod spill;
mod statement;
mod turn;
mod weight;

pub use copy::{CopyError, restore, snapshot};
pub use database::WriteCount;
pub(crate) use database::{Database, StorageError};
pub use live::copy_live;
pub use memory::bound_memory;
pub(crate) use session::Session;
pub(crate) use statement::{Rows, Value};

/// The database in an app's data folder; its blobs lie in a folder beside it.
pub const DATABASE_FILE: &str = "app.db";
