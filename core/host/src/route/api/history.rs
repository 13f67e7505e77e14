//! `GET /api/v1/history`: the updates of this host, newest first.

use axum::Json;
use axum::extract::State;
use newleaf_update::view::HistoryEntry;

use super::Api;
use crate::route::Problem;
use crate::route::answer::unreadable;

pub(super) async fn get(State(api): State<Api>) -> Result<Json<Vec<HistoryEntry>>, Problem> {
    api.updater.history().await.map(Json).map_err(|error| unreadable(&api.updater, &error))
}
