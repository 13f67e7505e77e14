//! The HTTP doors. Handlers read as parse → authorise → call → render. The static part (`files`)
//! never asks the database; the other part is for publishers and people.

mod app;
mod auth;
mod files;
mod health;
mod namespace;
mod refusal;
mod role;
mod target;
mod yank;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post, put};
use newleaf_registry_api::{Code, Problem, path};
use tower_http::timeout::{RequestBodyDeadlineLayer, RequestBodyTimeoutLayer};
use tower_http::trace::TraceLayer;

use crate::registry::Registry;
use refusal::Refusal;

/// Longest pause between two pieces of a body.
const STALL: Duration = Duration::from_secs(30);
/// Longest time for a whole body: 64 MiB at 75 KiB/s.
const WHOLE_BODY: Duration = Duration::from_mins(15);
/// Largest JSON body; a role may have 1 MiB, everything else is far smaller.
const JSON_BODY: usize = 1024 * 1024;

/// Every route of a registry.
pub fn router(registry: Arc<Registry>) -> Router {
    let files = Router::new()
        .route(path::TUF, get(files::role_file))
        .route(path::TARGETS, get(files::target))
        .route(path::DELTAS, get(files::delta))
        .route(path::HEALTHZ, get(health::alive));
    // An upload is counted while it streams, by the limit of its kind of file.
    let uploads =
        Router::new().route(path::TARGET, put(target::upload)).layer(DefaultBodyLimit::disable());
    let api = Router::new()
        .route(path::ROLE, get(role::current).put(role::publish))
        .route(path::SUBMISSION, get(role::submission))
        .route(path::NAMESPACES, post(namespace::claim))
        .route(path::NAMESPACE, get(namespace::show))
        .route(path::YANK, post(yank::yank))
        .route(path::APPS, get(app::list))
        .route(path::READYZ, get(health::ready))
        .layer(DefaultBodyLimit::max(JSON_BODY));
    let bounded = uploads
        .merge(api)
        .layer(RequestBodyTimeoutLayer::new(STALL))
        .layer(RequestBodyDeadlineLayer::new(WHOLE_BODY))
        .layer(TraceLayer::new_for_http());
    files
        .merge(bounded)
        .fallback(async || Refusal(Problem::new(Code::NotFound, "nothing is served at this path")))
        .with_state(registry)
}
