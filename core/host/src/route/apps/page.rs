//! Pages that stand where an app does not.

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, Method, Uri};
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};
use newleaf_domain::{PackageName, PublicAddress};

use crate::stock::{Page, Section, page, page_alone};

/// Seconds after which a stopped app may be asked again.
const AGAIN_AFTER: u32 = 30;

/// At whose host name a page stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// The product's, which serves the stylesheet.
    Product,
    /// An app's, or one that could be: nothing there is the product's.
    App,
}

impl At {
    fn page(self, title: &str, body: &Markup) -> Page {
        match self {
            Self::Product => page(title, Section::None, body),
            Self::App => page_alone(title, body),
        }
    }
}

/// No such app.
pub(super) fn unknown(at: At) -> Response {
    let body = html! {
        h1 { "There is no app here" }
        @match at {
            At::Product => p { "There is no app at this address. " a href="/" { "The start page" } " lists those there are." },
            At::App => p { "There is no app at this address." },
        }
    };
    (StatusCode::NOT_FOUND, at.page("Not found", &body)).into_response()
}

/// The app is installed and not served. Why is the operator's business and not a visitor's: the
/// portal and the log say it.
pub(super) fn stopped(at: At, app: &PackageName) -> Response {
    let body = html! {
        h1 { (app.as_str()) " is stopped" }
        p { "This app is switched off at the moment. What it keeps is still there." }
        p class="quiet" { "Try again later, or ask whoever runs this site." }
    };
    let page = at.page("Stopped", &body);
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, AGAIN_AFTER.to_string())], page)
        .into_response()
}

/// The app's name makes no host name, and nobody gave it one.
pub(super) fn nameless(app: &PackageName) -> Response {
    let body = html! {
        h1 { (app.as_str()) " has no address" }
        p { "This app is installed, but there is no address yet at which it is served." }
        p class="quiet" { "Ask whoever runs this site." }
    };
    (StatusCode::NOT_FOUND, At::Product.page("No address", &body)).into_response()
}

/// The app is at `origin`, where `path` is its own. Who reads is led there. What would change
/// something is not: with 308 a browser would send a form on to another site, and with 421 a client
/// may ask here again over another connection (RFC 9110 §15.5.20), which leads nowhere.
pub(super) fn elsewhere(
    at: At,
    app: &PackageName,
    origin: &PublicAddress,
    method: &Method,
    path: &str,
    query: Option<&str>,
) -> Response {
    if method == Method::GET || method == Method::HEAD {
        return moved(at, &target(origin.as_str(), path, query));
    }
    let body = html! {
        h1 { (app.as_str()) " is not served here" }
        p { "It has an address of its own: " a href=(origin) { (origin) } }
        p class="quiet" { "What was sent here was not passed on. Begin again there." }
    };
    (StatusCode::NOT_FOUND, at.page("Not here", &body)).into_response()
}

/// Relative links on an app's pages need the slash.
pub(super) fn with_slash(uri: &Uri) -> Response {
    moved(At::Product, &target("", &format!("{}/", uri.path()), uri.query()))
}

fn target(origin: &str, path: &str, query: Option<&str>) -> String {
    let slash = if path.starts_with('/') { "" } else { "/" };
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{origin}{slash}{path}{query}")
}

/// A path may hold bytes that a field's value may not: then it leads nowhere. Nobody keeps where it
/// leads, for a setting may change that.
fn moved(at: At, to: &str) -> Response {
    match HeaderValue::from_bytes(to.as_bytes()) {
        Ok(to) => {
            let fields = [(LOCATION, to), (CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
            (StatusCode::PERMANENT_REDIRECT, fields).into_response()
        }
        Err(_) => unknown(at),
    }
}
