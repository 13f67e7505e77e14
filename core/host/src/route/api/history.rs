//! `GET /api/v1/history`: the updates of this host, newest first; `?target=…` those of core or of one
//! app.

use axum::Json;
use axum::extract::State;
use newleaf_domain::Target;
use newleaf_update::view::HistoryEntry;
use serde::Deserialize;

use super::Api;
use crate::route::Problem;
use crate::route::answer::{Asked, unreadable};

/// Whose updates.
#[derive(Debug, Deserialize)]
pub(super) struct Of {
    target: Option<Target>,
}

pub(super) async fn get(
    State(api): State<Api>,
    Asked(of): Asked<Of>,
) -> Result<Json<Vec<HistoryEntry>>, Problem> {
    let found = api.updater.history().await;
    let mut entries = found.map_err(|error| unreadable(&api.updater, &error))?;
    if let Some(target) = of.target {
        entries.retain(|entry| entry.target.target == target);
        let state = api.updater.state();
        let is_here = target.app().is_none_or(|app| state.apps.contains_key(app));
        if entries.is_empty() && !is_here {
            return Err(Problem::unknown(&target).state(api.updater.standing()));
        }
    }
    Ok(Json(entries))
}
