//! `POST /api/v1/plan` makes a plan; `GET /api/v1/plan?id=…` shows one again;
//! `GET /api/v1/plans/<id>/journey` tells how far it was carried out.

use axum::Json;
use axum::extract::{Path, State};
use newleaf_domain::{PlanId, Target, Version};
use newleaf_update::view::{Journey, PlanView};
use serde::Deserialize;

use super::Api;
use crate::route::answer::{Asked, Body, plan_problem, unreadable};
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

/// How far a plan is: each hop with its update.
pub(super) async fn journey(
    State(api): State<Api>,
    Path(id): Path<PlanId>,
) -> Result<Json<Journey>, Problem> {
    let found = api.updater.journey(&id).await;
    let found = found.map_err(|error| unreadable(&api.updater, &error))?;
    found.map(Json).ok_or_else(|| {
        Problem::new(Kind::NotFound, format!("find plan {id}"))
            .state(api.updater.standing())
            .todo("newleaf history lists the updates there were")
    })
}
