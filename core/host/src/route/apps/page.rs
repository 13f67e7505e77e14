//! Pages that stand where an app does not.

use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse as _, Response};
use maud::html;
use newleaf_domain::PackageName;

use crate::stock::{Page, Section, page};

/// Seconds after which a stopped app may be asked again.
const AGAIN_AFTER: u32 = 30;

/// No such app.
pub(super) fn unknown() -> Page {
    page(
        "Not found",
        Section::None,
        &html! {
            h1 { "There is no app here" }
            p { "There is no app at this address. " a href="/" { "The start page" } " lists those there are." }
        },
    )
}

/// The app is installed and not served. Why is the operator's business and not a visitor's: the
/// portal and the log say it.
pub(super) fn stopped(app: &PackageName) -> Response {
    let body = page(
        "Stopped",
        Section::None,
        &html! {
            h1 { (app.as_str()) " is stopped" }
            p { "This app is switched off at the moment. What it keeps is still there." }
            p class="quiet" { "Try again later, or ask whoever runs this site." }
        },
    );
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, AGAIN_AFTER.to_string())], body)
        .into_response()
}
