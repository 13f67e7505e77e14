//! Core 0.8.0: a product from before it had a database. It says its version and no more.

use std::process::ExitCode;

use axum::Router;
use axum::routing::get;
use newleaf::{Product, ProductContext, stock};

fn routes(_: ProductContext) -> Router {
    Router::new().route("/", get(async || "Newleaf 0.8.0, without a board"))
}

fn main() -> ExitCode {
    newleaf::main(Product { migrations: &[], routes, ..stock::product("0.8.0") })
}
