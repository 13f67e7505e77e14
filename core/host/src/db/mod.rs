//! `newleaf.db`: the host's own tables and the product's, in one SQLite file.
//!
//! Two versions of a product may have it open at once, so a schema only ever grows while they do:
//! *expand* adds before the new version is told to go, *contract* takes away once no one can go
//! back. A worker's start changes nothing; it only checks whether it may.

mod contract;
mod expand;
mod host_schema;
mod meta;
mod migration;
mod open;
pub(crate) mod snapshot;
#[cfg(test)]
mod write_load;

pub(crate) use contract::contract_with;
pub use contract::{contract, has_to_contract};
pub use expand::{Beat, Progress, expand};
pub(crate) use expand::{Writers, expand_after};
pub use host_schema::HOST_MIGRATIONS;
pub use meta::{Meta, Side};
pub use migration::Migration;
pub use open::{Db, DbError};
pub(crate) use open::{fault, oldest_reader, reading};
