//! Core 1.2.2, broken: it starts, and answers its probe with 503.

use std::process::ExitCode;

use newleaf::{Health, Product, ProductContext, stock};

fn unhealthy(_: ProductContext) -> Health {
    Box::pin(std::future::ready(Err("the product cannot do its work".to_owned())))
}

fn main() -> ExitCode {
    newleaf::main(Product { health: unhealthy, ..stock::product(env!("CARGO_PKG_VERSION")) })
}
