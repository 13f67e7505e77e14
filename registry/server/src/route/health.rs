//! Whether the process answers, and whether it can publish.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use newleaf_registry_api::{Health, HealthState};

use crate::log::chain;
use crate::registry::Registry;
use crate::role_signing::next_due;

/// Signing may lag this far behind its schedule before somebody should look: 15 min.
const LATE: i64 = 900;

/// `GET /healthz`
pub(super) async fn alive() -> Json<Health> {
    Json(Health { status: HealthState::Ok, faults: Vec::new() })
}

/// `GET /readyz`
pub(super) async fn ready(State(registry): State<Arc<Registry>>) -> (StatusCode, Json<Health>) {
    let faults = faults(&registry).await;
    let (code, status) = if faults.is_empty() {
        (StatusCode::OK, HealthState::Ok)
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, HealthState::Failing)
    };
    (code, Json(Health { status, faults }))
}

async fn faults(registry: &Registry) -> Vec<String> {
    let mut faults = Vec::new();
    if let Err(error) = registry.db.check().await {
        faults.push(chain(&error));
        return faults;
    }
    match next_due(&registry.db).await {
        Ok(due) if registry.now().seconds_since(due) > LATE => {
            faults.push(format!("a role was due to be signed at {due}"));
        }
        Ok(_) => {}
        Err(error) => faults.push(chain(&error)),
    }
    faults
}
