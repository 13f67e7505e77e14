//! The portal's addresses, and what each one does: parse, authorise, ask the updater, render.

mod app;
mod apps;
mod channel;
mod guard;
mod history;
mod live;
mod overview;
mod plan;
mod preflight;
mod problem;
mod reader;
mod releases;
mod shared;
mod sign_in;
mod skip;
mod undo;
mod update;

pub(crate) use guard::headers;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};

use crate::asset;
use crate::portal::Portal;
use shared::Shared;

/// The most a form may hold: 16 KiB, some hundred times what ours do.
const MAX_FORM: usize = 16 * 1024;

/// The portal, to be mounted at `/` of the admin listener. Brings its own answer for unknown
/// addresses, so a router that is merged with it must have none.
pub fn router(portal: Portal) -> Router {
    let shared: Shared = Arc::new(shared::Inner::new(portal));
    Router::new()
        .route("/", get(overview::show))
        .route("/check", post(overview::check))
        .route("/channel", post(channel::set))
        .route("/skip", post(skip::post))
        .route("/plans", post(plan::make))
        .route("/plans/{id}", get(plan::show))
        .route("/plans/{id}/start", post(plan::start))
        .route("/plans/{id}/rehearse", post(plan::rehearse))
        .route("/plans/{id}/now", get(plan::now))
        .route("/updates/{id}", get(update::show))
        .route("/updates/{id}/events", get(live::events))
        .route("/apps", get(apps::show))
        .route("/apps/{namespace}/{app}", get(app::show))
        .route("/apps/{namespace}/{app}/enable", post(app::enable))
        .route("/apps/{namespace}/{app}/disable", post(app::disable))
        .route("/apps/{namespace}/{app}/remove", post(app::remove))
        .route("/apps/{namespace}/{app}/put-back", post(app::put_back))
        .route("/apps/{namespace}/{app}/keep", post(apps::keep))
        .route("/history", get(history::show))
        .route("/history/{*target}", get(history::show_of))
        .route("/releases/{*target}", get(releases::show))
        .route("/undo/{*target}", get(undo::ask).post(undo::start))
        .route("/preflight", get(preflight::show))
        .route("/sign-in", get(sign_in::without_link))
        .route("/sign-in/{secret}", get(sign_in::confirm).post(sign_in::redeem))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/assets/{name}", get(asset::serve))
        .fallback(problem::unknown_address)
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), guard::guard))
        .with_state(shared)
}
