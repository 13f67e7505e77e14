//! The host's own HTTP: the API of the admin door, health, metrics, and the way to apps.
//!
//! Handlers read as parse, ask, answer. Who may ask is decided before them: by the session on the
//! admin listener ([`admin`]), by peer credentials on the socket ([`local`]), by nobody on the
//! public listener, where only the product and its apps are ([`public`]).

mod answer;
mod api;
mod apps;
mod caller;
mod health;
mod jobs;
mod problem;
mod wire;

use axum::Router;

pub(crate) use self::answer::kind_of;
pub use self::api::{Api, ApiParts};
pub use self::apps::{AppLink, Place, Places, public};
pub(crate) use self::caller::by_peer;
pub use self::caller::{Caller, Peer};
pub use self::health::Vitals;
pub use self::jobs::{JobRefusal, Jobs};
pub use self::problem::{Kind, PROBLEM_JSON, Problem, With};
pub use self::wire::{
    AcceptRequest, ChannelRequest, ConsentWord, NewLink, PlanRequest, RemoveRequest,
    RollbackRequest, SkipRequest, Started, UpdateEvent, UpdateRequest,
};

/// The admin listener: the portal's pages, the API behind the portal's own gate, health, metrics.
pub fn admin(api: &Api, portal: Router, gate: newleaf_web::gate::Gate) -> Router {
    let health = caller::by_host(health::routes(api), gate.clone());
    let guarded = caller::by_session(api::routes(api), gate);
    below_api(guarded).merge(health).merge(portal)
}

/// `run/admin.sock`: the API for root and the folder's owner.
pub fn local(api: &Api, owner: u32) -> Router {
    let guarded = by_peer(api::routes(api), owner);
    below_api(guarded).merge(health::routes(api)).fallback(answer::unknown)
}

/// The API for this very process, where no host runs: whoever holds the folder's lock may ask.
pub fn alone(api: &Api, caller: Caller) -> Router {
    below_api(caller::always(api::routes(api), caller))
        .merge(health::routes(api))
        .fallback(answer::unknown)
}

/// The API in its place; what else is asked for below `/api` is a problem document too.
fn below_api(routes: Router) -> Router {
    let other = axum::routing::any(answer::unknown);
    Router::new()
        .nest("/api/v1", routes)
        .route("/api", other.clone())
        .route("/api/", other.clone())
        .route("/api/{*rest}", other)
}
