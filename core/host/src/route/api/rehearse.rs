//! `POST /api/v1/rehearse`: tries a version of core or of an app on a copy of the data, and answers
//! with what came of it.

use axum::extract::State;
use axum::{Extension, Json};
use newleaf_update::view::RehearsalNote;

use super::Api;
use crate::route::answer::{Body, rehearse_problem};
use crate::route::{Caller, PlanRequest, Problem};

pub(super) async fn post(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<PlanRequest>,
) -> Result<Json<RehearsalNote>, Problem> {
    let PlanRequest { target, version } = request;
    let rehearsed = api.updater.rehearse(&target, version, &caller.by).await;
    rehearsed.map(Json).map_err(|error| rehearse_problem(&api.updater, &error))
}
