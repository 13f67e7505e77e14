//! `/api/v1/trust`: who signs for what is installed, and the word that puts another in their place.

use axum::extract::State;
use axum::{Extension, Json};
use newleaf_update::view::{SignerRow, TrustView};

use super::Api;
use crate::route::answer::{Body, accept_problem, unreadable};
use crate::route::{AcceptRequest, Caller, Problem};

pub(super) async fn get(State(api): State<Api>) -> Result<Json<TrustView>, Problem> {
    api.updater.signers().await.map(Json).map_err(|error| unreadable(&api.updater, &error))
}

/// Answers with the namespace as it is pinned from now on.
pub(super) async fn accept(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<AcceptRequest>,
) -> Result<Json<SignerRow>, Problem> {
    let AcceptRequest { namespace, signer } = request;
    let accepted = api.updater.accept_signer(&namespace, &signer, &caller.by).await;
    accepted.map(Json).map_err(|error| accept_problem(&api.updater, &error))
}
