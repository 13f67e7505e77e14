//! Who sends a request: the bearer of a token (RFC 6750), and what it may do.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;
use newleaf_domain::{Namespace, PackageName};
use newleaf_registry_api::{Action, Code, Problem, Secret};

use super::refusal::Refusal;
use crate::db::{self, Bearer};
use crate::registry::Registry;

/// The bearer of a valid token.
#[derive(Debug)]
pub(super) struct SignedIn(pub(super) Bearer);

impl FromRequestParts<Arc<Registry>> for SignedIn {
    type Rejection = Refusal;

    async fn from_request_parts(
        parts: &mut Parts,
        registry: &Arc<Registry>,
    ) -> Result<Self, Refusal> {
        let secret = secret_of(parts).ok_or_else(not_signed_in)?;
        let mut connection = registry.db.read().await?;
        let bearer = db::bearer(&mut connection, &secret, registry.now()).await?;
        Ok(Self(bearer.ok_or_else(not_signed_in)?))
    }
}

fn secret_of(parts: &Parts) -> Option<Secret> {
    let (scheme, token) = parts.headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    Secret::parse(token.trim()).ok()
}

/// Does not say whether the token is unknown, expired or revoked.
fn not_signed_in() -> Refusal {
    let detail = "no token, or one that is unknown, expired or revoked";
    Refusal(
        Problem::new(Code::NotSignedIn, detail)
            .at("Authorization")
            .hint("send `Authorization: Bearer newleaf_…` with a token of this registry"),
    )
}

impl SignedIn {
    /// Refuses what the token does not let its bearer do to `app`.
    pub(super) fn require_app(&self, action: Action, app: &PackageName) -> Result<(), Problem> {
        self.require_action(action)?;
        if self.0.scope.names().reaches(app) { Ok(()) } else { Err(self.too_far(app.as_str())) }
    }

    /// Refuses what the token does not let its bearer do to the whole of `namespace`.
    pub(super) fn require_namespace(
        &self,
        action: Action,
        namespace: &Namespace,
    ) -> Result<(), Problem> {
        self.require_action(action)?;
        if self.0.scope.names().reaches_namespace(namespace) {
            Ok(())
        } else {
            Err(self.too_far(namespace.as_str()))
        }
    }

    /// Refuses an action that is not among the token's.
    pub(super) fn require_action(&self, action: Action) -> Result<(), Problem> {
        if self.0.scope.allows(action) {
            return Ok(());
        }
        let detail = format!("the token does not allow {action}");
        Err(Problem::new(Code::OutOfScope, detail).at("Authorization"))
    }

    fn too_far(&self, name: &str) -> Problem {
        let detail = format!("the token reaches {}, not {name}", self.0.scope.names());
        Problem::new(Code::OutOfScope, detail).at("Authorization")
    }
}

/// Refuses a namespace that is not the bearer's.
pub(super) async fn require_owner(
    registry: &Registry,
    bearer: &SignedIn,
    namespace: &Namespace,
) -> Result<(), Refusal> {
    let found = db::namespace(&mut *registry.db.read().await?, namespace).await?;
    match found {
        Some(row) if row.publisher == Some(bearer.0.publisher) => Ok(()),
        Some(_) => {
            let detail = format!("namespace {namespace} belongs to another publisher");
            Err(Problem::new(Code::OutOfScope, detail).at("namespace").into())
        }
        None => Err(Problem::new(Code::NotFound, format!("nobody has namespace {namespace}"))
            .at("namespace")
            .hint("claim it first")
            .into()),
    }
}
