//! The list of apps, for people and scripts.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use newleaf_registry_api::AppList;

use super::refusal::Refusal;
use crate::registry::Registry;
use crate::role_signing::app_list;

/// `GET /api/v1/apps`
pub(super) async fn list(State(registry): State<Arc<Registry>>) -> Result<Json<AppList>, Refusal> {
    Ok(Json(app_list(&mut *registry.db.read().await?).await?))
}
