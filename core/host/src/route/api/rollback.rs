//! `POST /api/v1/rollback`: goes back to the version before.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use newleaf_domain::Target;
use newleaf_update::view::{Overview, UndoOffer};

use super::Api;
use crate::route::answer::{Body, start_problem};
use crate::route::{Caller, ConsentWord, Kind, Problem, RollbackRequest, Started};

pub(super) async fn post(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<RollbackRequest>,
) -> Result<(StatusCode, Json<Started>), Problem> {
    if request.consent == ConsentWord::NotGiven {
        nothing_is_lost(&super::status::overview(&api).await?, &request.target)?;
    }
    match api.updater.rollback(&request.target, caller.by).await {
        Ok(id) => Ok((StatusCode::ACCEPTED, Json(Started::new(id)))),
        Err(error) => Err(start_problem(&api.updater, &error)),
    }
}

/// Going back without a yes is only for where nothing is lost.
fn nothing_is_lost(overview: &Overview, target: &Target) -> Result<(), Problem> {
    let undo = match target {
        Target::Core => overview.core.undo.as_ref(),
        Target::App(name) => {
            overview.apps.iter().find(|app| app.id == *name).and_then(|app| app.undo.as_ref())
        }
    };
    match undo {
        Some(UndoOffer { version, loses: Some(loses), .. }) => Err(Problem::new(
            Kind::ConsentNeeded,
            format!("go back to {target} {version} without a yes: {loses} would be lost"),
        )
        .todo(format!("newleaf rollback {target} --yes"))),
        Some(UndoOffer { loses: None, .. }) | None => Ok(()),
    }
}
