//! `POST /api/v1/plan` makes a plan; `GET /api/v1/plan?id=…` shows one again.

use axum::Json;
use axum::extract::State;
use newleaf_domain::{PlanId, Target, Version};
use newleaf_update::view::PlanView;
use serde::Deserialize;

use super::Api;
use crate::route::answer::{Asked, Body, plan_problem};
use crate::route::{Kind, PlanRequest, Problem};

/// A plan by its id, or a new one for a target.
#[derive(Debug, Deserialize)]
pub(super) struct Of {
    id: Option<PlanId>,
    target: Option<Target>,
    version: Option<Version>,
}

pub(super) async fn get(
    State(api): State<Api>,
    Asked(of): Asked<Of>,
) -> Result<Json<PlanView>, Problem> {
    let plan = match of {
        Of { id: Some(id), .. } => api.updater.plan_by_id(&id).await,
        Of { target: Some(target), version, .. } => api.updater.plan(&target, version).await,
        Of { id: None, target: None, .. } => {
            return Err(Problem::new(
                Kind::Malformed,
                "find a plan: neither id nor target is named",
            ));
        }
    };
    match plan {
        Ok(view) => Ok(Json(view)),
        Err(error) => Err(plan_problem(&api.updater, &error)),
    }
}

pub(super) async fn post(
    State(api): State<Api>,
    Body(request): Body<PlanRequest>,
) -> Result<Json<PlanView>, Problem> {
    match api.updater.plan(&request.target, request.version).await {
        Ok(view) => Ok(Json(view)),
        Err(error) => Err(plan_problem(&api.updater, &error)),
    }
}
