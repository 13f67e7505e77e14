//! `GET /apps`: looks at the whole repository for what is not installed.

use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use super::reader::Reader;
use crate::page;

/// What there is to install.
pub(super) async fn show(reader: Reader) -> Response {
    let found = reader.shared.portal.updater.browse().await;
    let failed =
        |error| Problem::explained(&reader.shared, "The repository cannot be looked at", &error);
    let to_page = |shelf: Vec<_>| page::apps(&reader.frame(), &reader.who, &shelf).into_response();
    reader.answer(found.map(to_page).map_err(failed))
}
