//! `GET /api/v1/releases?target=…`: every version of core or of an app, with its notes.

use axum::Json;
use axum::extract::State;
use newleaf_domain::Target;
use newleaf_update::view::ReleasesView;
use serde::Deserialize;

use super::Api;
use crate::route::Problem;
use crate::route::answer::{Asked, unreadable};

/// Of what.
#[derive(Debug, Deserialize)]
pub(super) struct Of {
    target: Target,
}

pub(super) async fn get(
    State(api): State<Api>,
    Asked(of): Asked<Of>,
) -> Result<Json<ReleasesView>, Problem> {
    let releases = api.updater.releases(&of.target).await;
    releases.map(Json).map_err(|error| unreadable(&api.updater, &error))
}
