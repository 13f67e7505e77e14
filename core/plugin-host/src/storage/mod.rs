//! An app's data: one SQLite file, `app.db`, that holds its SQL tables and its key-value pairs,
//! so that one quota bounds both and one transaction can span both.
//!
//! The app's statements run only on connections made by `guard`. Snapshots are whole-file copies
//! of a database nobody uses.

mod copy;
mod database;
mod functions;
mod guard;
mod keys;
mod memory;
mod session;
mod spill;
mod statement;
mod turn;

pub use copy::{CopyError, restore, snapshot};
pub(crate) use database::{Database, StorageError};
pub use memory::bound_memory;
pub(crate) use session::Session;
pub(crate) use statement::{Rows, Value};

/// The one file of an app's data folder.
pub const DATABASE_FILE: &str = "app.db";
