//! `POST /plans`, `GET /plans/{id}`, `POST /plans/{id}/start`, `POST /plans/{id}/rehearse`,
//! `GET /plans/{id}/now`.

use std::time::Duration;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use newleaf_domain::{PlanId, Target, Version};
use newleaf_update::{Approval, Consent, Leeway, RehearseError, StartError};
use serde::Deserialize;

use super::problem::Problem;
use super::reader::{Nothing, Posted, Reader};
use crate::page::{self, Asked};

/// What a plan is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    target: Target,
    version: Option<Version>,
}

/// Makes a plan and shows it.
pub(super) async fn make(Posted { reader, fields }: Posted<Wanted>) -> Response {
    let made = reader.shared.portal.updater.plan(&fields.target, fields.version).await;
    let to_plan = |id: &PlanId| Redirect::to(&format!("/plans/{id}")).into_response();
    reader.answer(
        made.map(|view| to_plan(&view.plan.id))
            .map_err(|error| Problem::plan(&reader.shared, &error)),
    )
}

/// Shows a plan; its prerequisites are measured anew.
pub(super) async fn show(reader: Reader, Path(id): Path<String>) -> Response {
    let result = page_of(&reader, &id, Asked::Nothing).await;
    reader.answer(result)
}

async fn page_of(reader: &Reader, id: &str, asked: Asked) -> Result<Response, Problem> {
    let id = PlanId::parse(id).map_err(|_| Problem::NotFound)?;
    let found = reader.shared.portal.updater.plan_by_id(&id).await;
    let view = found.map_err(|error| Problem::plan(&reader.shared, &error))?;
    let status = match asked {
        Asked::Nothing => StatusCode::OK,
        Asked::WithoutConsent | Asked::WithoutSuspension | Asked::WithoutPause => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Asked::WhileBlocked => StatusCode::CONFLICT,
    };
    let rehearsing = reader.shared.portal.updater.rehearses();
    let names = reader.shared.names().await;
    let frame = reader.frame().calling(&names);
    let now = rehearsing.map(|(target, version)| format!("{} {version}", frame.name_of(&target)));
    Ok((status, page::plan(&frame, &reader.who, &view, asked, now.as_deref())).into_response())
}

/// Which boxes were ticked.
#[derive(Debug, Deserialize)]
pub(super) struct Yes {
    consent: Option<String>,
    suspend: Option<String>,
    pause: Option<String>,
}

/// Starts exactly this plan.
pub(super) async fn start(Path(id): Path<String>, posted: Posted<Yes>) -> Response {
    let Posted { reader, fields } = posted;
    let result = start_plan(&reader, &id, &fields).await;
    reader.answer(result)
}

/// What a box says.
fn word(ticked: Option<&str>) -> Consent {
    match ticked {
        Some("given") => Consent::Given,
        Some(_) | None => Consent::NotGiven,
    }
}

async fn start_plan(reader: &Reader, id: &str, yes: &Yes) -> Result<Response, Problem> {
    let plan = PlanId::parse(id).map_err(|_| Problem::NotFound)?;
    let (consent, suspend) = (word(yes.consent.as_deref()), word(yes.suspend.as_deref()));
    let approval = Approval::new(plan, consent, reader.account())
        .suspending(suspend)
        .with_leeway(Leeway::of_person(word(yes.pause.as_deref())));
    match reader.shared.portal.updater.start(approval).await {
        Ok(update) => Ok(Redirect::to(&format!("/updates/{update}")).into_response()),
        Err(StartError::ConsentNeeded { .. }) => page_of(reader, id, Asked::WithoutConsent).await,
        Err(StartError::LeavesBehind { .. }) => page_of(reader, id, Asked::WithoutSuspension).await,
        Err(StartError::PauseUnannounced { .. }) => page_of(reader, id, Asked::WithoutPause).await,
        Err(StartError::Blocked(_)) => page_of(reader, id, Asked::WhileBlocked).await,
        Err(error) => Err(Problem::start(&reader.shared, error)),
    }
}

/// How long the page waits for a rehearsal, whose refusals and small copies are told at once.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Tries the first release of a plan on a copy of the data. It goes on when the reader leaves.
pub(super) async fn rehearse(
    Path(id): Path<String>,
    Posted { reader, fields: Nothing {} }: Posted<Nothing>,
) -> Response {
    let result = rehearse_plan(&reader, &id).await;
    reader.answer(result)
}

async fn rehearse_plan(reader: &Reader, id: &str) -> Result<Response, Problem> {
    let plan = PlanId::parse(id).map_err(|_| Problem::NotFound)?;
    let updater = &reader.shared.portal.updater;
    match updater.rehearse_plan_aside(plan, reader.account(), AT_ONCE).await {
        Err(error) => Err(not_rehearsed(reader, error)),
        Ok(Some(_) | None) => Ok(Redirect::to(&format!("/plans/{id}#rehearsal")).into_response()),
    }
}

fn not_rehearsed(reader: &Reader, error: RehearseError) -> Problem {
    let shared = &reader.shared;
    match error {
        RehearseError::Plan(error) => Problem::plan(shared, &error),
        RehearseError::Start(error) => Problem::start(shared, error),
        error @ RehearseError::Bring { .. } => {
            Problem::explained(shared, "Nothing was rehearsed", &error)
        }
    }
}

/// Leads to the newest update of a plan, or to the plan where none has begun.
pub(super) async fn now(reader: Reader, Path(id): Path<String>) -> Response {
    let result = newest_of(&reader, &id).await;
    reader.answer(result)
}

async fn newest_of(reader: &Reader, id: &str) -> Result<Response, Problem> {
    let id = PlanId::parse(id).map_err(|_| Problem::NotFound)?;
    let failed = |error| Problem::explained(&reader.shared, "The plan cannot be shown", &error);
    let found = reader.shared.portal.updater.journey(&id).await.map_err(failed)?;
    let journey = found.ok_or(Problem::NotFound)?;
    Ok(Redirect::to(&match journey.newest() {
        Some(update) => format!("/updates/{update}"),
        None => format!("/plans/{id}"),
    })
    .into_response())
}
