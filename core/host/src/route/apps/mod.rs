//! The public door: the product's own pages, and each app below `/apps/<namespace>/<app>/`.

mod page;
mod place;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{any, get};
use newleaf_domain::PackageName;
use newleaf_plugin_host::{AppBody, Failure};

use crate::stock::{STYLESHEET, stylesheet};

pub use self::place::{AppLink, Place, Places};

/// The public listener: `product` at `/`, apps below `/apps/`. What an app may see of a request and
/// send back (paths, cookies, policies) is kept at the border of the app, not here.
pub fn public(places: Arc<dyn Places>, product: Router) -> Router {
    Router::new()
        .route(STYLESHEET, get(stylesheet))
        .route("/apps/{*rest}", any(enter))
        .with_state(places)
        .merge(product)
}

async fn enter(State(places): State<Arc<dyn Places>>, request: Request) -> Response {
    let Some((name, rest)) = split(request.uri().path()) else { return unknown() };
    match places.find(&name) {
        Place::Unknown => unknown(),
        // Relative links on an app's pages need the slash.
        Place::Serving(_) | Place::Stopped { .. } if rest.is_empty() => with_slash(request.uri()),
        Place::Serving(slot) => {
            let response = slot.handle(request).await;
            match response.extensions().get() {
                Some(Failure::Stopped) => instead(&*places, &name, response),
                Some(_) | None => response.map(Body::new),
            }
        }
        Place::Stopped { .. } => page::stopped(&name),
    }
}

/// What is told to a request that was on its way to an app, or waited for it, when that was stopped
/// or removed. One that has been started again since is asked anew by the client.
fn instead(places: &dyn Places, name: &PackageName, response: Response<AppBody>) -> Response {
    match places.find(name) {
        Place::Stopped { .. } => page::stopped(name),
        Place::Unknown => unknown(),
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

fn with_slash(uri: &Uri) -> Response {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Redirect::permanent(&format!("{}/{query}", uri.path())).into_response()
}

fn unknown() -> Response {
    (StatusCode::NOT_FOUND, page::unknown()).into_response()
}

#[cfg(test)]
mod tests {
    use axum::http::header::{LOCATION, RETRY_AFTER};
    use tower::ServiceExt as _;

    use super::*;

    #[derive(Debug)]
    struct OneStopped;

    impl Places for OneStopped {
        fn find(&self, app: &PackageName) -> Place {
            match app.as_str() {
                "acme/notes" => {
                    Place::Stopped { reason: "/srv/x: `newleaf rollback acme/notes`".to_owned() }
                }
                _ => Place::Unknown,
            }
        }

        fn list(&self) -> Vec<AppLink> {
            Vec::new()
        }
    }

    async fn get(path: &str) -> Response {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        public(Arc::new(OneStopped), Router::new()).oneshot(request).await.unwrap()
    }

    async fn text(response: Response) -> String {
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        String::from_utf8(bytes.into()).unwrap()
    }

    #[tokio::test]
    async fn an_unknown_app_is_a_page_of_its_own() {
        for path in ["/apps/acme/other/", "/apps/acme/other/x?y", "/apps/Bad/name/", "/apps/acme"] {
            let response = get(path).await;
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
            assert!(text(response).await.contains("no app"), "{path}");
        }
    }

    #[tokio::test]
    async fn a_stopped_app_tells_visitors_nothing_of_the_operators_business() {
        let response = get("/apps/acme/notes/new").await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key(RETRY_AFTER));
        let text = text(response).await;
        assert!(text.contains("acme/notes is stopped"), "{text}");
        assert!(
            !text.contains("/srv/x") && !text.contains("newleaf rollback acme/notes"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn an_app_is_entered_by_its_slash() {
        let response = get("/apps/acme/notes?x=1").await;
        assert_eq!(response.status(), StatusCode::PERMANENT_REDIRECT);
        assert_eq!(response.headers()[LOCATION], "/apps/acme/notes/?x=1");
    }
}
