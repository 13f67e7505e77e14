//! Core 1.3.0 of another edition: what a licence would be needed for.

#[path = "../../newer/src/schema.rs"]
mod schema;

use std::process::ExitCode;

use newleaf::{Product, stock};

fn main() -> ExitCode {
    newleaf::main(Product {
        edition: "enterprise",
        migrations: schema::MIGRATIONS,
        ..stock::product(env!("CARGO_PKG_VERSION"))
    })
}
