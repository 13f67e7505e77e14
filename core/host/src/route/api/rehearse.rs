//! `POST /api/v1/rehearse`: tries a version of core on a copy of the data, and answers with what
//! came of it.

use axum::extract::State;
use axum::{Extension, Json};
use newleaf_domain::Target;
use newleaf_update::view::RehearsalNote;

use super::Api;
use crate::route::answer::{Body, rehearse_problem};
use crate::route::{Caller, Kind, PlanRequest, Problem};

pub(super) async fn post(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<PlanRequest>,
) -> Result<Json<RehearsalNote>, Problem> {
    if let Target::App(app) = &request.target {
        return Err(Problem::new(
            Kind::Blocked,
            format!("rehearse {app}: this version of the product rehearses core only"),
        )
        .state(api.updater.standing())
        .todo(format!("see what its update would do: newleaf plan {app}")));
    }
    let rehearsed = api.updater.rehearse_core(request.version, &caller.by).await;
    rehearsed.map(Json).map_err(|error| rehearse_problem(&api.updater, &error))
}
