//! `GET /api/v1/preflight[?target=T]`: prerequisites as measured now.

use axum::Json;
use axum::extract::State;
use newleaf_domain::Target;
use newleaf_update::view::Prerequisite;
use serde::Deserialize;

use super::Api;
use crate::route::Problem;
use crate::route::answer::{Asked, plan_problem};

/// What they are measured for; the host as it stands where nothing is named.
#[derive(Debug, Deserialize)]
pub(super) struct Of {
    target: Option<Target>,
}

pub(super) async fn get(
    State(api): State<Api>,
    Asked(of): Asked<Of>,
) -> Result<Json<Vec<Prerequisite>>, Problem> {
    match &of.target {
        None => Ok(Json(api.updater.preflight().await)),
        Some(target) => {
            let measured = api.updater.preflight_of(target).await;
            measured.map(Json).map_err(|error| plan_problem(&api.updater, &error))
        }
    }
}
