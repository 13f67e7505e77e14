//! Core 1.2.3, broken: healthy when it is probed before it serves, and no more a second later.

#[path = "../../newer/src/schema.rs"]
mod schema;

use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use newleaf::{Health, Product, ProductContext, stock};

/// How long it is well, from the first question on.
const WELL: Duration = Duration::from_secs(1);

fn sours(_: ProductContext) -> Health {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    let well = FIRST.get_or_init(Instant::now).elapsed() < WELL;
    let answer = if well { Ok(()) } else { Err("the product has turned sour".to_owned()) };
    Box::pin(std::future::ready(answer))
}

fn main() -> ExitCode {
    newleaf::main(Product {
        migrations: schema::MIGRATIONS,
        health: sours,
        ..stock::product(env!("CARGO_PKG_VERSION"))
    })
}
