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
    let releases = releases.map_err(|error| unreadable(&api.updater, &error))?;
    let is_here = releases.version.is_some() || releases.blocked.is_some();
    if releases.releases.is_empty() && !is_here {
        return Err(Problem::unknown(&of.target).state(api.updater.standing()));
    }
    Ok(Json(releases))
}
