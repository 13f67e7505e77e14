//! `GET /history`.

use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use super::reader::Reader;
use crate::page;

/// Every update of this host.
pub(super) async fn show(reader: Reader) -> Response {
    let found = reader.shared.portal.updater.history().await;
    let failed = |error| Problem::journal(&reader.shared, &error);
    let names = reader.shared.names().await;
    let frame = reader.frame().calling(&names);
    let to_page = |entries: Vec<_>| page::history(&frame, &entries).into_response();
    reader.answer(found.map(to_page).map_err(failed))
}
