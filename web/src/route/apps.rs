//! `GET /apps`: looks at the whole repository for what is not installed. `POST /apps/<ns>/<app>/keep`:
//! serves an app again that waits for somebody's choice.

use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use newleaf_domain::PackageName;

use super::problem::Problem;
use super::reader::{Nothing, Posted, Reader};
use crate::page;

/// What there is to install.
pub(super) async fn show(reader: Reader) -> Response {
    let found = reader.shared.portal.updater.browse().await;
    let failed =
        |error| Problem::explained(&reader.shared, "The repository cannot be looked at", &error);
    let to_page = |shelf: Vec<_>| page::apps(&reader.frame(), &reader.who, &shelf).into_response();
    reader.answer(found.map(to_page).map_err(failed))
}

/// Keeps the version that an app has, with all that was written with it, and serves it again.
pub(super) async fn keep(
    Path((namespace, app)): Path<(String, String)>,
    Posted { reader, fields: Nothing {} }: Posted<Nothing>,
) -> Response {
    let result = keep_version(&reader, &format!("{namespace}/{app}")).await;
    reader.answer(result)
}

async fn keep_version(reader: &Reader, name: &str) -> Result<Response, Problem> {
    let app = PackageName::parse(name).map_err(|_| Problem::NotFound)?;
    tracing::info!(%app, by = reader.account(), "its version is kept, and serves again");
    let kept = reader.shared.portal.updater.enable(&app).await;
    kept.map_err(|error| Problem::start(&reader.shared, error))?;
    Ok(Redirect::to("/").into_response())
}
