//! `POST /skip`: refuses a version, or lets it be offered again.

use axum::response::{IntoResponse, Redirect, Response};
use newleaf_domain::{Target, Version};
use newleaf_update::Skip;
use serde::Deserialize;

use super::problem::Problem;
use super::reader::{Posted, Reader};

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    target: Target,
    version: Version,
    skip: Skip,
}

/// Keeps the decision, and leads to the list of versions, which tells it.
pub(super) async fn post(Posted { reader, fields }: Posted<Wanted>) -> Response {
    let result = decide(&reader, fields).await;
    reader.answer(result)
}

async fn decide(reader: &Reader, fields: Wanted) -> Result<Response, Problem> {
    let Wanted { target, version, skip } = fields;
    let updater = &reader.shared.portal.updater;
    match updater.skip(&target, Some(version), skip, &reader.account()).await {
        Ok(_) => Ok(Redirect::to(&format!("/releases/{target}")).into_response()),
        Err(error) => Err(Problem::explained(&reader.shared, "The decision was not kept", &error)),
    }
}
