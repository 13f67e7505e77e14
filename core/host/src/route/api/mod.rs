//! The API below `/api/v1`: the updater's words as JSON.

mod apps;
mod channels;
mod check;
mod events;
mod history;
mod plan;
mod preflight;
mod rehearse;
mod releases;
mod rollback;
mod sign_in_link;
mod skip;
mod status;
mod trust;
mod update;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use newleaf_domain::Clock;
use newleaf_update::Updater;
use newleaf_web::store::LinkStore;
use tokio::sync::Semaphore;

use super::answer::{unknown, wrong_method};
use crate::route::health::Vitals;
use crate::route::jobs::Jobs;
use crate::shutdown::ShutdownWatch;

/// The largest body the API takes; its requests are a few hundred bytes.
const MAX_BODY: usize = 64 * 1024;

/// Streams of events that may be open at a time.
const STREAMS: usize = 64;

/// All that the API answers from. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Api {
    parts: Arc<ApiParts>,
    streams: Arc<Semaphore>,
}

/// What the API is made of.
#[derive(Debug)]
pub struct ApiParts {
    /// Checks, plans and carries out.
    pub updater: Arc<Updater>,
    /// Keeps sign-in links.
    pub links: Arc<dyn LinkStore>,
    /// The address that people open the portal at, such as `http://127.0.0.1:8081`; none while no
    /// host serves it.
    pub portal: Option<String>,
    /// Tells when a link expires.
    pub clock: Arc<dyn Clock>,
    /// Whether the host is well.
    pub vitals: Arc<dyn Vitals>,
    /// Runs the jobs of apps.
    pub jobs: Arc<dyn Jobs>,
    /// Tells when this process stops serving, so that event streams end and are taken up anew.
    pub shutdown: ShutdownWatch,
}

impl Api {
    /// An API of these parts.
    pub fn new(parts: ApiParts) -> Self {
        Self { parts: Arc::new(parts), streams: Arc::new(Semaphore::new(STREAMS)) }
    }
}

impl std::ops::Deref for Api {
    type Target = ApiParts;

    fn deref(&self) -> &ApiParts {
        &self.parts
    }
}

/// The routes, without their gate.
pub(super) fn routes(api: &Api) -> Router {
    Router::new()
        .route("/status", get(status::get))
        .route("/offers", get(status::offers))
        .route("/releases", get(releases::get))
        .route("/channels", get(channels::get))
        .route("/channel", post(channels::post))
        .route("/skip", post(skip::post))
        .route("/check", post(check::post))
        .route("/preflight", get(preflight::get))
        .route("/plan", get(plan::get).post(plan::post))
        .route("/plans/{id}/journey", get(plan::journey))
        .route("/update", post(update::post))
        .route("/updates/{id}", get(update::get))
        .route("/updates/{id}/events", get(events::get))
        .route("/rehearse", post(rehearse::post))
        .route("/rollback", post(rollback::post))
        .route("/history", get(history::get))
        .route("/apps", get(apps::list))
        .route("/apps/{namespace}/{app}", get(apps::info))
        .route("/apps/{namespace}/{app}/remove", post(apps::remove))
        .route("/apps/{namespace}/{app}/put-back", post(apps::put_back))
        .route("/kept", get(apps::kept))
        .route("/apps/{namespace}/{app}/enable", post(apps::enable))
        .route("/apps/{namespace}/{app}/disable", post(apps::disable))
        .route("/apps/{namespace}/{app}/jobs/{job}/run", post(apps::run_job))
        .route("/trust", get(trust::get))
        .route("/trust/accept", post(trust::accept))
        .route("/sign-in-links", post(sign_in_link::post))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(api.clone())
}
