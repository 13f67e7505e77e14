//! `POST /api/v1/check`: reads the repository now.

use axum::Json;
use axum::extract::State;
use newleaf_update::view::Freshness;

use super::Api;
use crate::route::Problem;
use crate::route::answer::check_problem;

pub(super) async fn post(State(api): State<Api>) -> Result<Json<Freshness>, Problem> {
    match api.updater.check().await {
        Ok(freshness) => Ok(Json(freshness)),
        Err(error) => Err(check_problem(&api.updater, &error)),
    }
}
