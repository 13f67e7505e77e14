//! `GET` and `POST /undo/{target}`: asks, then goes back to the version before.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use newleaf_domain::{Digest, Target};
use newleaf_update::view::Overview;
use newleaf_update::{BackYes, StartError};
use serde::Deserialize;

use super::problem::Problem;
use super::reader::{Posted, Reader};
use crate::page::{self, AskedBack, History, Undo};

/// Asks, and says what would be lost.
pub(super) async fn ask(reader: Reader, Path(target): Path<String>) -> Response {
    let result = page_of(&reader, &target, AskedBack::Nothing).await;
    reader.answer(result)
}

async fn page_of(reader: &Reader, target: &str, asked: AskedBack) -> Result<Response, Problem> {
    let target = Target::parse(target).map_err(|_| Problem::NotFound)?;
    let shared = &reader.shared;
    let failed = |error| Problem::explained(shared, "Undo cannot be shown", &error);
    let view = shared.portal.updater.overview().await.map_err(failed)?;
    let history = shared.portal.updater.history().await;
    let history = history.map_err(|error| Problem::journal(shared, &error))?;
    let undo = undo_of(&view, &target, History(&history)).ok_or(Problem::NotFound)?;
    let status = match asked {
        AskedBack::Nothing => StatusCode::OK,
        AskedBack::AfterItMoved => StatusCode::CONFLICT,
    };
    Ok((status, page::undo(&reader.frame(), &reader.who, &undo, asked)).into_response())
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

/// What the page showed.
#[derive(Debug, Deserialize)]
pub(super) struct Shown {
    shown: Digest,
}

/// Goes back, where that does what the page showed; else shows what it does now.
pub(super) async fn start(Path(target): Path<String>, posted: Posted<Shown>) -> Response {
    let Posted { reader, fields: Shown { shown } } = posted;
    let result = roll_back(&reader, &target, shown).await;
    reader.answer(result)
}

async fn roll_back(reader: &Reader, name: &str, shown: Digest) -> Result<Response, Problem> {
    let target = Target::parse(name).map_err(|_| Problem::NotFound)?;
    let updater = &reader.shared.portal.updater;
    match updater.rollback(&target, BackYes::to(shown), reader.account()).await {
        Ok(update) => Ok(Redirect::to(&format!("/updates/{update}")).into_response()),
        Err(StartError::UndoMoved { .. }) => page_of(reader, name, AskedBack::AfterItMoved).await,
        Err(error) => Err(Problem::start(&reader.shared, error)),
    }
}
