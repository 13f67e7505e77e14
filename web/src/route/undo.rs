//! `GET` and `POST /undo/{target}`: asks, then goes back to the version before.

use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use newleaf_domain::Target;
use newleaf_update::view::Overview;

use super::problem::Problem;
use super::reader::{Nothing, Posted, Reader};
use crate::page::{self, History, Undo};

/// Asks, and says what would be lost.
pub(super) async fn ask(reader: Reader, Path(target): Path<String>) -> Response {
    let result = page_of(&reader, &target).await;
    reader.answer(result)
}

async fn page_of(reader: &Reader, target: &str) -> Result<Response, Problem> {
    let target = Target::parse(target).map_err(|_| Problem::NotFound)?;
    let shared = &reader.shared;
    let failed = |error| Problem::explained(shared, "Undo cannot be shown", &error);
    let view = shared.portal.updater.overview().await.map_err(failed)?;
    let history = shared.portal.updater.history().await;
    let history = history.map_err(|error| Problem::journal(shared, &error))?;
    let undo = undo_of(&view, &target, History(&history)).ok_or(Problem::NotFound)?;
    Ok(page::undo(&reader.frame(), &reader.who, &undo).into_response())
}

fn undo_of<'a>(view: &'a Overview, target: &'a Target, history: History<'_>) -> Option<Undo<'a>> {
    let (name, from, offer) = match target {
        Target::Core => (&view.core.product, Some(&view.core.version), view.core.undo.as_ref()?),
        Target::App(id) => {
            let app = view.apps.iter().find(|app| app.id == *id)?;
            (&app.name, app.version.as_ref(), app.undo.as_ref()?)
        }
    };
    let replaced = history.replaced(target, &offer.version);
    Some(Undo { target, name, from, offer, replaced })
}

/// Goes back.
pub(super) async fn start(Path(target): Path<String>, posted: Posted<Nothing>) -> Response {
    let Posted { reader, fields: Nothing {} } = posted;
    let result = roll_back(&reader, &target).await;
    reader.answer(result)
}

async fn roll_back(reader: &Reader, target: &str) -> Result<Response, Problem> {
    let target = Target::parse(target).map_err(|_| Problem::NotFound)?;
    let begun = reader.shared.portal.updater.rollback(&target, reader.account()).await;
    let update = begun.map_err(|error| Problem::start(&reader.shared, error))?;
    Ok(Redirect::to(&format!("/updates/{update}")).into_response())
}
