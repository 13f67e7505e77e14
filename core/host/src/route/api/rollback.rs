//! `POST /api/v1/rollback`: goes back to the version before.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use newleaf_update::BackYes;

use super::Api;
use crate::route::answer::{Body, start_problem};
use crate::route::{Caller, Problem, RollbackRequest, Started};

pub(super) async fn post(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<RollbackRequest>,
) -> Result<(StatusCode, Json<Started>), Problem> {
    let yes = BackYes { consent: super::update::consent(request.consent), shown: request.shown };
    match api.updater.rollback(&request.target, yes, caller.by).await {
        Ok(id) => Ok((StatusCode::ACCEPTED, Json(Started::new(id)))),
        Err(error) => Err(start_problem(&api.updater, &error)),
    }
}
