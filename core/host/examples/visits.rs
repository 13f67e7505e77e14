//! A product of one page that keeps itself up to date: it counts its visits. The vendor's guide is
//! about this program.

use std::process::ExitCode;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Router, routing::get};
use newleaf::{Migration, Product, ProductContext, always_healthy};

/// The steps of the database, which only ever get more.
const MIGRATIONS: &[Migration] = &[Migration {
    schema: 1,
    expand: &["CREATE TABLE visit (at INTEGER NOT NULL) STRICT"],
    ..Migration::NONE
}];

fn main() -> ExitCode {
    newleaf::main(Product {
        name: "Visits",
        program: "visits",
        version: env!("CARGO_PKG_VERSION"),
        edition: "community",
        root: None, // Some(include_bytes!("../root.json")), once the keys are made
        migrations: MIGRATIONS,
        routes: |context: ProductContext| Router::new().route("/", get(count)).with_state(context),
        cookies: &[],
        health: always_healthy,
    })
}

async fn count(State(context): State<ProductContext>) -> Result<String, StatusCode> {
    let failed = |_| StatusCode::SERVICE_UNAVAILABLE;
    let visit = sqlx::query("INSERT INTO visit (at) VALUES (unixepoch())");
    visit.execute(context.db.writer()).await.map_err(failed)?;
    let counted = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM visit");
    let counted = counted.fetch_one(context.db.reader()).await.map_err(failed)?;
    Ok(format!("visit {counted}\n"))
}
