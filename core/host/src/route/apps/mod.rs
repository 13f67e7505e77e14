//! The public door: the product's own pages, and each app, below `/apps/<namespace>/<app>/` or at a
//! host name of its own.

mod addressed;
mod page;
mod place;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use newleaf_domain::address::Whose;
use newleaf_domain::{AppAddresses, AppHosts, PackageName};
use newleaf_plugin_host::{AppBody, Failure};
use tower::ServiceExt as _;

use self::addressed::{Addressed, addressed};
use self::page::At;
use crate::stock::{STYLESHEET, stylesheet};

pub use self::place::{AppLink, Place, Places};

/// The public listener: `product` at `/`, and the apps at their addresses. What an app may see of a
/// request and send back (paths, cookies, policies) is kept at the border of the app, not here.
pub fn public(places: Arc<dyn Places>, product: Router, addresses: AppAddresses) -> Router {
    let door = Door { places, addresses: Arc::new(addresses) };
    let main = Router::new()
        .route(STYLESHEET, get(stylesheet))
        .route("/apps/{*rest}", any(below))
        .with_state(door.clone())
        .merge(product);
    match door.addresses.hosts.clone() {
        None => main,
        // The host decides before any path does, so that no page of one is found at another.
        Some(names) => Router::new().fallback(by_host).with_state(ByHost { names, door, main }),
    }
}

/// What a request below `/apps/` is answered from.
#[derive(Debug, Clone)]
struct Door {
    places: Arc<dyn Places>,
    addresses: Arc<AppAddresses>,
}

/// What a request is answered from where apps have host names of their own.
#[derive(Debug, Clone)]
struct ByHost {
    names: AppHosts,
    door: Door,
    /// The product's host name, and every one that is no app's.
    main: Router,
}

async fn by_host(State(ByHost { names, door, main }): State<ByHost>, request: Request) -> Response {
    let (whose, port) = match addressed(request.uri(), request.headers()) {
        Addressed::Name { host, port } => (names.whose(&host), port),
        Addressed::Nameless => (Whose::Product, None),
        Addressed::Unclear => return unclear(),
    };
    match whose {
        Whose::Product => match main.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
        Whose::App(name) => serve(&*door.places, At::App, &name, with_one_host(request)).await,
        Whose::Moved(name) => {
            let path = request.uri().path().to_owned();
            onward(&door, At::App, &name, port, &path, &request)
        }
        Whose::Nobody => page::unknown(At::App),
    }
}

/// The app reads the host that decided, and no other one beside it.
fn with_one_host(mut request: Request) -> Request {
    if request.uri().authority().is_some() {
        request.headers_mut().remove(HOST);
    }
    request
}

/// RFC 9112 §3.2: a request with more than one host, or one that is none, is answered so.
fn unclear() -> Response {
    (StatusCode::BAD_REQUEST, "The request does not name one host.\n").into_response()
}

async fn below(State(door): State<Door>, request: Request) -> Response {
    let Some((name, rest)) = split(request.uri().path()) else { return page::unknown(At::Product) };
    let is_known = !matches!(door.places.find(&name), Place::Unknown);
    if is_known && door.addresses.hosts.is_some() {
        let (port, rest) = (asked_port(&request), rest.to_owned());
        return onward(&door, At::Product, &name, port, &rest, &request);
    }
    if is_known && rest.is_empty() {
        return page::with_slash(request.uri());
    }
    serve(&*door.places, At::Product, &name, request).await
}

/// The port that a client reached the product at, as it says; none for the scheme's own.
fn asked_port(request: &Request) -> Option<u16> {
    match addressed(request.uri(), request.headers()) {
        Addressed::Name { port, .. } => port,
        Addressed::Nameless | Addressed::Unclear => None,
    }
}

/// Leads to the app's own address, with `path` there.
fn onward(
    door: &Door,
    at: At,
    name: &PackageName,
    port: Option<u16>,
    path: &str,
    request: &Request,
) -> Response {
    match door.addresses.origin_of(name, port) {
        Some(origin) => {
            let query = request.uri().query();
            page::elsewhere(at, name, &origin, request.method(), path, query)
        }
        None => page::nameless(name),
    }
}

/// Lets the app answer.
async fn serve(places: &dyn Places, at: At, name: &PackageName, request: Request) -> Response {
    match places.find(name) {
        Place::Unknown => page::unknown(at),
        Place::Stopped { .. } => page::stopped(at, name),
        Place::Serving(slot) => {
            let response = slot.handle(request).await;
            match response.extensions().get() {
                Some(Failure::Stopped) => instead(places, at, name, response),
                Some(_) | None => response.map(Body::new),
            }
        }
    }
}

/// What is told to a request that was on its way to an app, or waited for it, when that was stopped
/// or removed. One that has been started again since is asked anew by the client.
fn instead(
    places: &dyn Places,
    at: At,
    name: &PackageName,
    response: Response<AppBody>,
) -> Response {
    match places.find(name) {
        Place::Stopped { .. } => page::stopped(at, name),
        Place::Unknown => page::unknown(at),
        Place::Serving(_) => response.map(Body::new),
    }
}

/// The app that a path names, and what stands after it.
fn split(path: &str) -> Option<(PackageName, &str)> {
    let below = path.strip_prefix("/apps/")?;
    let slash = below.match_indices('/').nth(1).map_or(below.len(), |(at, _)| at);
    let (name, rest) = below.split_at(slash);
    Some((PackageName::parse(name).ok()?, rest))
}

#[cfg(test)]
mod tests;
