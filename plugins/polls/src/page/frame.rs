//! What all pages have in common.

use newleaf_sdk::{Request, Response, escape};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Nothing from elsewhere, no script at all.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      frame-ancestors 'self'; base-uri 'none'";

/// A page that says what went wrong.
pub(crate) fn problem(request: &Request, status: u16, sentence: &str) -> Response {
    let main = format!(
        r#"<h1>Sorry</h1><p class="empty">{}</p><p><a class="button" href="{}">Make a poll</a></p>"#,
        escape(sentence),
        escape(&request.link("/")),
    );
    page(request, "Sorry", &main).with_status(status)
}

/// The style sheet. Its address carries the version, so it may be kept for ever.
pub(crate) fn style() -> Response {
    Response::of("text/css; charset=utf-8", include_str!("../style.css"))
        .header("cache-control", "public, max-age=31536000, immutable")
}

/// The icon, as it stands in the package too.
pub(crate) fn icon() -> Response {
    Response::of("image/svg+xml", include_str!("../../icon.svg"))
        .header("cache-control", "public, max-age=86400")
        .header("content-security-policy", POLICY)
}

/// A page with its frame and its headers.
pub(super) fn page(request: &Request, title: &str, main: &str) -> Response {
    let page = format!(
        r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><meta name="referrer" content="same-origin">
<meta name="robots" content="noindex">
<link rel="icon" href="{}"><link rel="stylesheet" href="{}"></head>
<body><header><a href="{}">Polls</a></header><main id="main">{main}</main>
<footer>Polls {VERSION}</footer></body></html>
"#,
        escape(title),
        escape(&request.link(&format!("/icon.svg?v={VERSION}"))),
        escape(&request.link(&format!("/style.css?v={VERSION}"))),
        escape(&request.link("/")),
    );
    Response::html(page)
        .header("content-security-policy", POLICY)
        // Never to other sites: the address of a page may hold the poll's secret.
        .header("referrer-policy", "same-origin")
        .header("x-content-type-options", "nosniff")
        .header("x-robots-tag", "noindex")
        .header("cache-control", "no-store")
}
