//! `GET /releases/{target}`: every version, and why each is or is not offered.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use newleaf_domain::Target;
use newleaf_update::port::StoreError;

use super::problem::Problem;
use super::reader::Reader;
use crate::page::{self, Releases};

/// All versions of core or of an installed app.
pub(super) async fn show(reader: Reader, Path(target): Path<String>) -> Response {
    let result = page_of(&reader, &target).await;
    reader.answer(result)
}

async fn page_of(reader: &Reader, target: &str) -> Result<Response, Problem> {
    let target = Target::parse(target).map_err(|_| Problem::NotFound)?;
    let updater = &reader.shared.portal.updater;
    let failed = |error: StoreError| {
        let error = newleaf_update::OverviewError::Store(error);
        Problem::explained(&reader.shared, "The versions cannot be shown", &error)
    };
    let channels = updater.channels().await.map_err(failed)?;
    let channel = channels.iter().find(|one| one.target == target).ok_or(Problem::NotFound)?;
    let view = updater.releases(&target).await.map_err(failed)?;
    let names = reader.shared.names().await;
    let frame = reader.frame().calling(&names);
    let name = frame.name_of(&target);
    let releases = Releases { name, view: &view, channel: Some(channel) };
    Ok(page::releases(&frame, &reader.who, &releases).into_response())
}
