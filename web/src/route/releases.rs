//! `GET /releases/{target}`: why each version is or is not offered.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use newleaf_domain::Target;
use newleaf_update::view::Overview;

use super::problem::Problem;
use super::reader::Reader;
use crate::page::{self, Releases};

/// All releases of core or of an installed app.
pub(super) async fn show(reader: Reader, Path(target): Path<String>) -> Response {
    let result = page_of(&reader, &target).await;
    reader.answer(result)
}

async fn page_of(reader: &Reader, target: &str) -> Result<Response, Problem> {
    let target = Target::parse(target).map_err(|_| Problem::NotFound)?;
    let failed = |error| Problem::explained(&reader.shared, "The releases cannot be shown", &error);
    let view = reader.shared.portal.updater.overview().await.map_err(failed)?;
    let releases = releases_of(&view, &target).ok_or(Problem::NotFound)?;
    Ok(page::releases(&reader.frame(), &reader.who, &releases).into_response())
}

fn releases_of<'a>(view: &'a Overview, target: &Target) -> Option<Releases<'a>> {
    match target {
        Target::Core => Some(Releases {
            name: &view.core.product,
            candidates: &view.core.candidates,
            blocked: None,
        }),
        Target::App(id) => view.apps.iter().find(|app| app.id == *id).map(|app| Releases {
            name: &app.name,
            candidates: &app.candidates,
            blocked: app.blocked.as_deref(),
        }),
    }
}
