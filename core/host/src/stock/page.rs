//! The look of the public pages: one frame and one stylesheet, without any script.

use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// Where the stylesheet is served. No namespace can have this name, for it has a dot.
pub(crate) const STYLESHEET: &str = "/apps/newleaf.css";

/// Nothing is loaded but our own stylesheet, and forms go nowhere else.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// The same for a page that stands at a host name without our stylesheet: it has the style in it. The
/// nonce may be known, for nothing on such a page was written by a visitor or an app.
const POLICY_ALONE: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'nonce-newleaf'; base-uri 'none'; frame-ancestors 'none'",
);

/// The style of all public pages of the host.
const STYLE: &str = include_str!("stock.css");

/// Where a page belongs, for the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// The start page.
    Start,
    /// The notice board.
    Board,
    /// None of them: no navigation is shown.
    None,
}

/// A whole page. `body` stands inside `main`.
pub fn page(title: &str, section: Section, body: &Markup) -> Page {
    let style = html! { link rel="stylesheet" href=(STYLESHEET); };
    Page { html: whole(title, section, &style, body), policy: POLICY }
}

/// A page that needs nothing else of the host name it stands at.
pub(crate) fn page_alone(title: &str, body: &Markup) -> Page {
    let style = html! { style nonce="newleaf" { (PreEscaped(STYLE)) } };
    Page { html: whole(title, Section::None, &style, body), policy: POLICY_ALONE }
}

fn whole(title: &str, section: Section, style: &Markup, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Newleaf" }
                (style)
            }
            body {
                @if section != Section::None { (navigation(section)) }
                main { (body) }
            }
        }
    }
}

fn navigation(section: Section) -> Markup {
    let current = |of: Section| (section == of).then_some("page");
    html! {
        header {
            a.brand href="/" { span.leaf aria-hidden="true" {} "Newleaf" }
            nav aria-label="Main" {
                a href="/" aria-current=[current(Section::Start)] { "Apps" }
                a href="/board" aria-current=[current(Section::Board)] { "Notice board" }
            }
        }
    }
}

/// A page on its way to a visitor.
#[derive(Debug, Clone)]
pub struct Page {
    html: Markup,
    policy: HeaderValue,
}

impl Page {
    /// The HTML.
    pub fn into_string(self) -> String {
        self.html.into_string()
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        let fields = [(CONTENT_TYPE, html), (CONTENT_SECURITY_POLICY, self.policy)];
        (fields, self.html.into_string()).into_response()
    }
}

/// The stylesheet of all public pages of the host.
pub(crate) async fn stylesheet() -> Response {
    let fields = [
        (CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8")),
        (CACHE_CONTROL, HeaderValue::from_static("max-age=300")),
    ];
    (fields, STYLE).into_response()
}
