//! The repository's files, as any static server would serve them: role files from memory, targets
//! from the disk. No database, no account, no layer.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use newleaf_registry_api::{Code, Problem};

use super::refusal::Refusal;
use crate::registry::Registry;
use crate::tree::{ServeError, is_known, serve};

/// `GET /tuf/{file}`
pub(super) async fn role_file(
    State(registry): State<Arc<Registry>>,
    Path(name): Path<String>,
    request: HeaderMap,
) -> Result<Response, Refusal> {
    let file = registry.tree.get(&name).ok_or_else(not_found)?;
    let headers = [(ETAG, file.tag.clone()), (CACHE_CONTROL, file.cache.header())];
    if is_known(&request, &file.tag) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let json = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    Ok((headers, json, file.bytes).into_response())
}

/// `GET /targets/{*path}`
pub(super) async fn target(
    State(registry): State<Arc<Registry>>,
    uri: Uri,
    request: HeaderMap,
) -> Result<Response, Refusal> {
    // The path as it was sent: names of targets need no escapes, so an escape names nothing.
    let path = uri.path().strip_prefix("/targets/").ok_or_else(not_found)?;
    serve(&registry.dir.targets(), path, &request).await.map_err(|error| refuse(&error))
}

/// `GET /deltas/{file}`
pub(super) async fn delta(
    State(registry): State<Arc<Registry>>,
    uri: Uri,
    request: HeaderMap,
) -> Result<Response, Refusal> {
    let path = uri.path().strip_prefix("/deltas/").ok_or_else(not_found)?;
    serve(&registry.dir.deltas(), path, &request).await.map_err(|error| refuse(&error))
}

fn refuse(error: &ServeError) -> Refusal {
    match error {
        ServeError::NotFound => not_found(),
        ServeError::Io(_) | ServeError::Http(_) => Refusal::internal(error),
    }
}

fn not_found() -> Refusal {
    Refusal(Problem::new(Code::NotFound, "the repository has no such file"))
}
