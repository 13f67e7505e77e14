//! Core 1.1.0: the stock product as a vendor would extend it. Schema 2 gives notices a column, and
//! `/board/pinned` reads and writes it; `/echo` is a WebSocket. Where `data/core/tired` is laid down it ends at each start:
//! a version that was good and comes up no more.

mod echo;
mod pinned;
mod schema;

use std::process::ExitCode;

use axum::Router;
use newleaf::{Product, ProductContext, stock};

#[expect(clippy::exit, reason = "the fault that a test can give this core")]
fn routes(context: ProductContext) -> Router {
    if context.dir.join("data/core/tired").exists() {
        std::process::exit(1);
    }
    stock::routes(context.clone()).merge(pinned::routes(context)).merge(echo::routes())
}

fn main() -> ExitCode {
    newleaf::main(Product {
        migrations: schema::MIGRATIONS,
        routes,
        ..stock::product(env!("CARGO_PKG_VERSION"))
    })
}
