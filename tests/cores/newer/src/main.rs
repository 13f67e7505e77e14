//! Core 1.1.0: the stock product as a vendor would extend it. Schema 2 gives notices a column, and
//! `/board/pinned` reads and writes it.

mod pinned;
mod schema;

use std::process::ExitCode;

use newleaf::{Product, ProductContext, stock};

fn main() -> ExitCode {
    newleaf::main(Product {
        migrations: schema::MIGRATIONS,
        routes: |context: ProductContext| {
            stock::routes(context.clone()).merge(pinned::routes(context))
        },
        ..stock::product(env!("CARGO_PKG_VERSION"))
    })
}
