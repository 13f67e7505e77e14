//! Core 1.2.2, broken: it starts, and answers its probe with 503.

#[path = "../../newer/src/schema.rs"]
mod schema;

use std::process::ExitCode;

use newleaf::{Health, Product, ProductContext, stock};

fn unhealthy(_: ProductContext) -> Health {
    Box::pin(std::future::ready(Err("the product cannot do its work".to_owned())))
}

fn main() -> ExitCode {
    newleaf::main(Product {
        migrations: schema::MIGRATIONS,
        health: unhealthy,
        ..stock::product(env!("CARGO_PKG_VERSION"))
    })
}
