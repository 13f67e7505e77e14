//! `GET /history`, and `GET /history/{target}` for core or one app.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use newleaf_domain::Target;

use super::problem::Problem;
use super::reader::Reader;
use crate::page;

/// Every update of this host.
pub(super) async fn show(reader: Reader) -> Response {
    let result = page_of(&reader, None).await;
    reader.answer(result)
}

/// Every update of core or of one app, installed or not.
pub(super) async fn show_of(reader: Reader, Path(target): Path<String>) -> Response {
    let result = match Target::parse(&target) {
        Ok(target) => page_of(&reader, Some(&target)).await,
        Err(_) => Err(Problem::NotFound),
    };
    reader.answer(result)
}

async fn page_of(reader: &Reader, of: Option<&Target>) -> Result<Response, Problem> {
    let found = reader.shared.portal.updater.history().await;
    let mut entries = found.map_err(|error| Problem::journal(&reader.shared, &error))?;
    entries.retain(|entry| of.is_none_or(|target| entry.target.target == *target));
    let names = reader.shared.names().await;
    let frame = reader.frame().calling(&names);
    Ok(page::history(&frame, of, &entries).into_response())
}
