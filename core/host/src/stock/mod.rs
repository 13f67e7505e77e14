//! The stock product: what `newleaf` serves when no vendor embeds it. A start page that lists the
//! apps, and a notice board that reads and writes the host's own database.
//!
//! A product made from this library may take [`routes`] and [`NOTICE_BOARD`] as they are and add
//! its own.

mod board;
mod live;
mod page;
mod schema;
mod start;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderMap;
use axum::routing::get;

pub use self::page::{Page, Section, page};
pub(crate) use self::page::{STYLESHEET, page_alone, stylesheet};
pub use self::schema::NOTICE_BOARD;

use crate::db::Migration;
use crate::{Product, ProductContext, always_healthy};

/// The steps of the stock product's database.
pub const MIGRATIONS: &[Migration] = &[NOTICE_BOARD];

/// The largest body of a request to the product's own pages.
const MAX_BODY: usize = 16 * 1024;

/// The stock product, in the version its program has. It brings no root of trust: whoever runs
/// `init` chooses the repository.
pub const fn product(version: &'static str) -> Product {
    Product {
        name: "Newleaf",
        program: "newleaf",
        version,
        edition: "community",
        root: None,
        migrations: MIGRATIONS,
        routes,
        cookies: &[],
        health: always_healthy,
    }
}

/// The product's own public pages; `/apps/…` and the portal are the host's.
pub fn routes(context: ProductContext) -> Router {
    let newest = live::Newest::of(context.db.clone());
    Router::new()
        .route("/board/events", get(async move |headers: HeaderMap| newest.events(&headers)))
        .route("/", get(start::page))
        .route("/board", get(board::page).post(board::post))
        .route("/board.json", get(board::json))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(context)
}
