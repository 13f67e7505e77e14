//! Core 1.2.1, broken: its worker never becomes ready.

#[path = "../../newer/src/schema.rs"]
mod schema;

use std::process::ExitCode;

use axum::Router;
use newleaf::{Product, ProductContext, stock};

fn hangs(_: ProductContext) -> Router {
    loop {
        std::thread::park();
    }
}

fn main() -> ExitCode {
    newleaf::main(Product {
        migrations: schema::MIGRATIONS,
        routes: hangs,
        ..stock::product(env!("CARGO_PKG_VERSION"))
    })
}
