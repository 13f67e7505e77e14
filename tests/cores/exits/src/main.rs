//! Core 1.2.0, broken: its worker exits as soon as it starts.

#[path = "../../newer/src/schema.rs"]
mod schema;

use std::process::ExitCode;

use axum::Router;
use newleaf::{Product, ProductContext, stock};

#[expect(clippy::exit, reason = "the fault that this core is made to have")]
fn exits(_: ProductContext) -> Router {
    std::process::exit(1)
}

fn main() -> ExitCode {
    newleaf::main(Product {
        migrations: schema::MIGRATIONS,
        routes: exits,
        ..stock::product(env!("CARGO_PKG_VERSION"))
    })
}
