//! `GET /updates/{id}`: an update while it runs, and its result for ever after.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use newleaf_domain::UpdateId;
use newleaf_update::view::Report;

use super::problem::Problem;
use super::reader::Reader;
use crate::page;

/// The page of one update.
pub(super) async fn show(reader: Reader, Path(id): Path<String>) -> Response {
    let found = report_of(&reader, &id).await;
    let names = reader.shared.names().await;
    let frame = reader.frame().calling(&names);
    reader.answer(found.map(|report| page::run(&frame, &report).into_response()))
}

/// What is known of the update with this id.
pub(super) async fn report_of(reader: &Reader, id: &str) -> Result<Report, Problem> {
    let id = UpdateId::parse(id).map_err(|_| Problem::NotFound)?;
    let found = reader.shared.portal.updater.report(&id).await;
    found.map_err(|error| Problem::journal(&reader.shared, &error))?.ok_or(Problem::NotFound)
}
