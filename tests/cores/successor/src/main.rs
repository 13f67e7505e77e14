//! Core 1.3.0: says that it speaks a later launcher protocol, so that its launcher takes over once
//! it is good.

#[path = "../../newer/src/schema.rs"]
mod schema;

use std::process::ExitCode;

use newleaf::{Product, stock};

/// One more than every other core here speaks.
const LAUNCHER_PROTOCOL: u32 = 2;

fn main() -> ExitCode {
    let product =
        Product { migrations: schema::MIGRATIONS, ..stock::product(env!("CARGO_PKG_VERSION")) };
    newleaf::main_speaking(product, LAUNCHER_PROTOCOL)
}
