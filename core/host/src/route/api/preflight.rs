//! `GET /api/v1/preflight[?target=T]`: prerequisites as measured now.

use axum::Json;
use axum::extract::State;
use newleaf_domain::Target;
use newleaf_update::view::Prerequisite;
use serde::Deserialize;

use super::Api;
use crate::route::answer::Asked;

/// What they are measured for; the host as it stands where nothing is named.
#[derive(Debug, Deserialize)]
pub(super) struct Of {
    target: Option<Target>,
}

pub(super) async fn get(State(api): State<Api>, Asked(of): Asked<Of>) -> Json<Vec<Prerequisite>> {
    Json(api.updater.preflight(of.target.as_ref()).await)
}
