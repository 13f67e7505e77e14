//! `POST /api/v1/skip`: a no to one version, and what takes it back.

use axum::extract::State;
use axum::{Extension, Json};
use newleaf_update::view::SkipView;

use super::Api;
use crate::route::answer::{Body, skip_problem};
use crate::route::{Caller, Problem, SkipRequest};

pub(super) async fn post(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<SkipRequest>,
) -> Result<Json<SkipView>, Problem> {
    let SkipRequest { target, version, skip } = request;
    let done = api.updater.skip(&target, version, skip, &caller.by).await;
    done.map(Json).map_err(|error| skip_problem(&api.updater, &error))
}
