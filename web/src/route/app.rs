//! `/apps/{namespace}/{app}`: one installed app, and the switches that change no version.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use newleaf_domain::{PackageName, Target};
use newleaf_update::{AppData, Explain};
use serde::Deserialize;

use super::problem::Problem;
use super::reader::{Nothing, Posted, Reader};
use crate::page::{self, AppPage, Removal};

type Named = Path<(String, String)>;

/// Shows the app.
pub(super) async fn show(reader: Reader, Path(name): Named) -> Response {
    let result = page_of(&reader, &name, Removal::NotAsked).await;
    reader.answer(result)
}

async fn page_of(
    reader: &Reader,
    name: &(String, String),
    removal: Removal,
) -> Result<Response, Problem> {
    let id = parse(name)?;
    let updater = &reader.shared.portal.updater;
    let failed = |error| Problem::explained(&reader.shared, "The app cannot be shown", &error);
    let view = updater.overview().await.map_err(failed)?;
    let row = view.apps.iter().find(|row| row.id == id).ok_or(Problem::NotFound)?;
    let mut history = updater.history().await;
    if let Ok(entries) = &mut history {
        entries.retain(|entry| entry.target.target == Target::App(id.clone()));
    }
    let history = history.map_err(|error| Problem::journal(&reader.shared, &error))?;
    let status = match removal {
        Removal::NotAsked => StatusCode::OK,
        Removal::WithoutAnswer => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let names = reader.shared.names().await;
    let removed_for = updater.settings().removed_for;
    let page = AppPage { row, history: &history, removal, removed_for };
    Ok((status, page::app(&reader.frame().calling(&names), &reader.who, &page)).into_response())
}

fn parse((namespace, app): &(String, String)) -> Result<PackageName, Problem> {
    PackageName::parse(&format!("{namespace}/{app}")).map_err(|_| Problem::NotFound)
}

/// Serves the app again.
pub(super) async fn enable(Path(name): Named, posted: Posted<Nothing>) -> Response {
    let Posted { reader, fields: Nothing {} } = posted;
    let result = async {
        let id = parse(&name)?;
        let done = reader.shared.portal.updater.enable(&id).await;
        back_to(&reader, &format!("/apps/{id}"), done)
    };
    let result = result.await;
    reader.answer(result)
}

/// Stops serving the app; its data stays.
pub(super) async fn disable(Path(name): Named, posted: Posted<Nothing>) -> Response {
    let Posted { reader, fields: Nothing {} } = posted;
    let result = async {
        let id = parse(&name)?;
        let done = reader.shared.portal.updater.disable(&id).await;
        back_to(&reader, &format!("/apps/{id}"), done)
    };
    let result = result.await;
    reader.answer(result)
}

/// What is to become of the data.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    data: Option<String>,
}

/// Removes the app, once it is said what becomes of its data.
pub(super) async fn remove(Path(name): Named, posted: Posted<Wanted>) -> Response {
    let Posted { reader, fields } = posted;
    let result = async {
        let id = parse(&name)?;
        let data = match fields.data.as_deref() {
            Some("keep") => AppData::Keep,
            Some("delete") => AppData::Erase,
            Some(_) | None => return page_of(&reader, &name, Removal::WithoutAnswer).await,
        };
        let by = reader.account();
        tracing::info!(app = %id, by, "removing {id}");
        back_to(&reader, "/", reader.shared.portal.updater.remove(&id, data).await)
    };
    let result = result.await;
    reader.answer(result)
}

/// Puts data back that was set aside.
pub(super) async fn put_back(Path(name): Named, posted: Posted<Nothing>) -> Response {
    let Posted { reader, fields: Nothing {} } = posted;
    let result = async {
        let id = parse(&name)?;
        let done = reader.shared.portal.updater.put_back(&id, &reader.account()).await;
        back_to(&reader, "/apps", done)
    };
    let result = result.await;
    reader.answer(result)
}

fn back_to<E: Explain + 'static>(
    reader: &Reader,
    path: &str,
    done: Result<(), E>,
) -> Result<Response, Problem> {
    match done {
        Ok(()) => Ok(Redirect::to(path).into_response()),
        Err(error) => Err(Problem::explained(&reader.shared, "Nothing was changed", &error)),
    }
}
