//! `POST /api/v1/update` carries a plan out; `GET /api/v1/updates/<id>` tells how it stands.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use newleaf_domain::UpdateId;
use newleaf_update::view::Report;
use newleaf_update::{Approval, Consent, Leeway};

use super::Api;
use crate::route::answer::{Body, Segments, start_problem, unreadable};
use crate::route::{Caller, ConsentWord, Kind, Problem, Started, UpdateRequest};

pub(super) async fn post(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<UpdateRequest>,
) -> Result<(StatusCode, Json<Started>), Problem> {
    let leeway = Leeway::of_person(consent(request.pause));
    let approval = Approval::new(request.plan, consent(request.consent), caller.by)
        .suspending(consent(request.suspend))
        .with_leeway(leeway);
    match api.updater.start(approval).await {
        Ok(id) => Ok((StatusCode::ACCEPTED, Json(Started::new(id)))),
        Err(error) => Err(start_problem(&api.updater, &error)),
    }
}

pub(super) const fn consent(word: ConsentWord) -> Consent {
    match word {
        ConsentWord::Given => Consent::Given,
        ConsentWord::NotGiven => Consent::NotGiven,
    }
}

pub(super) async fn get(
    State(api): State<Api>,
    Segments(id): Segments<UpdateId>,
) -> Result<Json<Report>, Problem> {
    report(&api, &id).await.map(Json)
}

/// The update as it stands.
pub(super) async fn report(api: &Api, id: &UpdateId) -> Result<Report, Problem> {
    let report = api.updater.report(id).await.map_err(|error| unreadable(&api.updater, &error))?;
    report.ok_or_else(|| {
        Problem::new(Kind::NotFound, format!("find update {id}"))
            .state(api.updater.standing())
            .todo("newleaf history lists the updates there were")
    })
}
