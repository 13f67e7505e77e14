//! `GET /updates/{id}`: an update while it runs, and its result for ever after.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use newleaf_domain::UpdateId;
use newleaf_update::explain::chain;
use newleaf_update::view::{Journey, Report};

use super::problem::Problem;
use super::reader::Reader;
use super::shared::Shared;
use crate::page;

/// The page of one update.
pub(super) async fn show(reader: Reader, Path(id): Path<String>) -> Response {
    let found = report_of(&reader, &id).await;
    let names = reader.shared.names().await;
    let frame = reader.frame().calling(&names);
    reader.answer(match found {
        Ok(report) => {
            let plan = journey_of(&reader.shared, &report).await;
            Ok(page::run(&frame, &report, plan.as_ref()).into_response())
        }
        Err(problem) => Err(problem),
    })
}

/// What is known of the update with this id.
pub(super) async fn report_of(reader: &Reader, id: &str) -> Result<Report, Problem> {
    let id = UpdateId::parse(id).map_err(|_| Problem::NotFound)?;
    let found = reader.shared.portal.updater.report(&id).await;
    found.map_err(|error| Problem::journal(&reader.shared, &error))?.ok_or(Problem::NotFound)
}

/// How far the plan is that an update carries out; none where it is not known any more.
pub(super) async fn journey_of(shared: &Shared, report: &Report) -> Option<Journey> {
    match shared.portal.updater.journey(&report.plan).await {
        Ok(journey) => journey,
        Err(error) => {
            tracing::warn!(update = %report.id, error = chain(&error), "a plan cannot be shown");
            None
        }
    }
}
