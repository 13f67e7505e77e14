//! Namespaces: claiming a free one, and looking one up.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use http::StatusCode;
use newleaf_domain::Namespace;
use newleaf_registry_api::{Action, ClaimNamespace, Code, MAX_KEYS, NamespaceEntry, Problem};
use newleaf_trust::layout::author_role;

use super::auth::SignedIn;
use super::refusal::Refusal;
use crate::db::{self, ClaimError, DbError};
use crate::registry::Registry;

/// `POST /api/v1/namespaces`
pub(super) async fn claim(
    State(registry): State<Arc<Registry>>,
    bearer: SignedIn,
    body: Result<Json<ClaimNamespace>, JsonRejection>,
) -> Result<(StatusCode, Json<NamespaceEntry>), Refusal> {
    let Json(ClaimNamespace { namespace, keys, threshold }) = body?;
    bearer.require_namespace(Action::Claim, &namespace)?;
    let keys = keys.into_iter().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
    if keys.len() > MAX_KEYS || !threshold.is_met_by(keys.len()) {
        let detail =
            format!("threshold is {threshold}, and there are {} different keys", keys.len());
        return Err(Problem::new(Code::RoleRefused, detail)
            .at("threshold")
            .hint(format!("give 1 to {MAX_KEYS} different keys, and a threshold they can meet"))
            .into());
    }
    let mut transaction = registry.db.write().await?;
    let owner = bearer.0.publisher;
    db::claim(&mut transaction, &namespace, owner, &keys, threshold, registry.now())
        .await
        .map_err(|error| match error {
            ClaimError::Taken => taken(&namespace),
            ClaimError::Db(error) => error.into(),
        })?;
    transaction.commit().await.map_err(DbError::from)?;
    Ok((StatusCode::CREATED, Json(entry(&registry, &namespace).await?)))
}

/// `GET /api/v1/namespaces/{namespace}`
pub(super) async fn show(
    State(registry): State<Arc<Registry>>,
    Path(namespace): Path<String>,
) -> Result<Json<NamespaceEntry>, Refusal> {
    Ok(Json(entry(&registry, &Namespace::parse(&namespace)?).await?))
}

async fn entry(registry: &Registry, namespace: &Namespace) -> Result<NamespaceEntry, Refusal> {
    let mut connection = registry.db.read().await?;
    let unknown = || Problem::new(Code::NotFound, format!("nobody has namespace {namespace}"));
    let row = db::namespace(&mut connection, namespace).await?.ok_or_else(unknown)?;
    let role = db::role(&mut connection, &author_role(namespace)).await?;
    Ok(NamespaceEntry {
        namespace: row.name,
        level: row.level,
        keys: row.keys,
        threshold: row.threshold,
        version: role.map_or(0, |role| role.version.get()),
    })
}

fn taken(namespace: &Namespace) -> Refusal {
    Refusal(
        Problem::new(Code::NamespaceTaken, format!("namespace {namespace} is taken"))
            .at("namespace")
            .hint("choose another name; if it is yours, ask the registry's people"),
    )
}
