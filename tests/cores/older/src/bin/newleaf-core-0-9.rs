//! Core 0.9.0, a stepping stone: brings the notice board and the database for it.

use std::process::ExitCode;

use newleaf::{Product, stock};

const MIGRATIONS: &[newleaf::db::Migration] = &[stock::NOTICE_BOARD];

fn main() -> ExitCode {
    newleaf::main(Product { migrations: MIGRATIONS, ..stock::product("0.9.0") })
}
