//! `GET /api/v1/status` and `/offers`: the host as it stands, and what it could become.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use newleaf_domain::Target;
use newleaf_plan::Candidate;
use newleaf_update::view::Overview;

use super::Api;
use crate::route::Problem;
use crate::route::answer::unreadable;

pub(super) async fn get(State(api): State<Api>) -> Result<Json<Overview>, Problem> {
    overview(&api).await.map(Json)
}

/// Every release that was looked at, by target, each with its reason.
pub(super) async fn offers(
    State(api): State<Api>,
) -> Result<Json<BTreeMap<Target, Vec<Candidate>>>, Problem> {
    let overview = overview(&api).await?;
    let apps = overview.apps.into_iter().map(|app| (Target::App(app.id), app.candidates));
    Ok(Json(apps.chain([(Target::Core, overview.core.candidates)]).collect()))
}

/// The host as it stands.
pub(super) async fn overview(api: &Api) -> Result<Overview, Problem> {
    api.updater.overview().await.map_err(|error| unreadable(&api.updater, &error))
}
