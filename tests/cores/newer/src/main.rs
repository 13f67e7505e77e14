//! Core 1.1.0: the stock product as a vendor would extend it. Schema 2 gives notices a column, and
//! `/board/pinned` reads and writes it.

mod pinned;

use std::process::ExitCode;

use newleaf::db::Migration;
use newleaf::{Product, ProductContext, stock};

/// The stock product's schema, and one more step that 1.0.0 can read past.
const MIGRATIONS: &[Migration] = &[
    stock::NOTICE_BOARD,
    Migration {
        schema: 2,
        expand: &["ALTER TABLE notice ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0"],
        ..Migration::NONE
    },
];

fn main() -> ExitCode {
    newleaf::main(Product {
        migrations: MIGRATIONS,
        routes: |context: ProductContext| {
            stock::routes(context.clone()).merge(pinned::routes(context))
        },
        ..stock::product(env!("CARGO_PKG_VERSION"))
    })
}
