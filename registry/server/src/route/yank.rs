//! Yanking a release: an advisory that hosts see with the next batch.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use http::StatusCode;
use newleaf_domain::{PackageName, ReleasePath, Version};
use newleaf_registry_api::{Action, Code, Problem, Yank, Yanked};
use tokio::time::{Instant, timeout_at};

use super::auth::{SignedIn, require_owner};
use super::refusal::Refusal;
use crate::db::{self, DbError};
use crate::registry::Registry;

/// Longest reason, in characters.
const MAX_REASON: usize = 300;

/// `POST /api/v1/releases/{ns}/{app}/{version}/yank`
pub(super) async fn yank(
    State(registry): State<Arc<Registry>>,
    Path((namespace, app, version)): Path<(String, String, String)>,
    bearer: SignedIn,
    body: Result<Json<Yank>, JsonRejection>,
) -> Result<(StatusCode, Json<Yanked>), Refusal> {
    let app = PackageName::parse(&format!("{namespace}/{app}"))?;
    let version = Version::parse(&version)?;
    bearer.require_app(Action::Yank, &app)?;
    require_owner(&registry, &bearer, &app.namespace()).await?;
    let Json(Yank { reason }) = body?;
    check_reason(&reason)?;
    let path = ReleasePath::App { name: app.clone(), version: version.clone() }.to_string();
    let mut transaction = registry.db.write().await?;
    if db::released(&mut transaction, &path).await?.is_none() {
        return Err(
            Problem::new(Code::NotFound, format!("{app} {version} was never released")).into()
        );
    }
    db::advise(&mut transaction, &path, &reason, registry.now()).await?;
    transaction.commit().await.map_err(DbError::from)?;
    until_visible(&registry, &path).await?;
    Ok((StatusCode::CREATED, Json(Yanked { app, version, reason })))
}

fn check_reason(reason: &str) -> Result<(), Problem> {
    let count = reason.chars().count();
    if (1..=MAX_REASON).contains(&count) && !reason.chars().any(char::is_control) {
        return Ok(());
    }
    let detail = format!("reason has {count} characters, or some that cannot be shown");
    Err(Problem::new(Code::Malformed, detail)
        .at("reason")
        .hint(format!("give one line of 1 to {MAX_REASON} characters")))
}

/// Waits for the batch that shows the advisory. Where none comes in time, the yank is kept and
/// shown later, and the sender is told so.
async fn until_visible(registry: &Registry, path: &str) -> Result<(), Refusal> {
    let deadline = Instant::now() + registry.settings.wait();
    let mut batches = registry.batches.subscribe();
    while !db::is_advised(&mut *registry.db.read().await?, path).await? {
        if timeout_at(deadline, batches.changed()).await.is_err() {
            let detail = "the yank is recorded, but hosts cannot see it yet";
            return Err(Problem::new(Code::Unavailable, detail).into());
        }
    }
    Ok(())
}
