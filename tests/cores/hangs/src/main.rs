//! Core 1.2.1, broken: its worker never becomes ready.

use std::process::ExitCode;

use axum::Router;
use newleaf::{Product, ProductContext, stock};

fn hangs(_: ProductContext) -> Router {
    loop {
        std::thread::park();
    }
}

fn main() -> ExitCode {
    newleaf::main(Product { routes: hangs, ..stock::product(env!("CARGO_PKG_VERSION")) })
}
