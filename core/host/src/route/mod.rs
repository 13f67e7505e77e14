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
mod problem;
mod wire;

use axum::Router;

pub(crate) use self::answer::kind_of;
pub use self::api::{Api, ApiParts};
pub use self::apps::{AppLink, Place, Places, public};
pub use self::caller::{Caller, Peer};
pub use self::health::Vitals;
pub use self::problem::{Kind, PROBLEM_JSON, Problem, With};
pub use self::wire::{
    AcceptRequest, ConsentWord, NewLink, PlanRequest, RemoveRequest, RollbackRequest, Started,
    UpdateEvent, UpdateRequest,
};

/// The admin listener: the portal's pages, the API behind the portal's own gate, health, metrics.
pub fn admin(api: &Api, portal: Router, gate: newleaf_web::gate::Gate) -> Router {
    let guarded = caller::by_session(api::routes(api), gate);
    Router::new().nest("/api/v1", guarded).merge(health::routes(api)).merge(portal)
}

/// `run/admin.sock`: the API for root and the folder's owner.
pub fn local(api: &Api, owner: u32) -> Router {
    let guarded = caller::by_peer(api::routes(api), owner);
    Router::new().nest("/api/v1", guarded).merge(health::routes(api))
}

/// The API for this very process, where no host runs: whoever holds the folder's lock may ask.
pub fn alone(api: &Api, caller: Caller) -> Router {
    Router::new()
        .nest("/api/v1", caller::always(api::routes(api), caller))
        .merge(health::routes(api))
}
