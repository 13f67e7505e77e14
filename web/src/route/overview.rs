//! `GET /` and `POST /check`.

use axum::response::{IntoResponse, Redirect, Response};

use super::problem::Problem;
use super::reader::{Nothing, Posted, Reader};
use crate::page::{self, History};

/// The overview.
pub(super) async fn show(reader: Reader) -> Response {
    let result = page_of(&reader).await;
    reader.answer(result)
}

async fn page_of(reader: &Reader) -> Result<Response, Problem> {
    let shared = &reader.shared;
    let updater = &shared.portal.updater;
    let failed = |error| Problem::explained(shared, "The overview cannot be shown", &error);
    let view = updater.overview().await.map_err(failed)?;
    let history = updater.history().await.map_err(|error| Problem::journal(shared, &error))?;
    let names = shared.names().await;
    let frame = reader.frame().calling(&names);
    Ok(page::overview(&frame, &reader.who, &view, History(&history)).into_response())
}

/// Looks at the repository now.
pub(super) async fn check(Posted { reader, fields: Nothing {} }: Posted<Nothing>) -> Response {
    let checked = reader.shared.portal.updater.check().await;
    let failed = |error| Problem::explained(&reader.shared, "The check failed", &error);
    reader.answer(checked.map(|_| Redirect::to("/").into_response()).map_err(failed))
}
