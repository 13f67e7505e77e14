//! The pages: plain HTML that works without a script.

use std::fmt::Write as _;

use newleaf_sdk::{Request, Response, escape};

use crate::{feed::Feed, item::Item, refresh};

#[path = "../../../../plugins/feeds/src/page/time.rs"]
mod time;

const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; \
                      frame-ancestors 'self'; base-uri 'none'";

/// The feeds and their entries.
pub(crate) fn list(request: &Request, feeds: &[Feed], items: &[Item]) -> Response {
    let mut main = format!(
        r#"<form class="add" method="post" action="{}"><label for="address">Address of a feed <small>RSS, Atom or JSON Feed</small></label>
<div class="bar"><input id="address" name="address" inputmode="url" required maxlength="2000" placeholder="https://example.com/feed.xml"><button class="main">Add</button></div></form>"#,
        escape(&request.link("/feeds")),
    );
    if !feeds.is_empty() {
        main.push_str(r#"<h1>Feeds</h1><ul class="feeds">"#);
        for feed in feeds {
            row(&mut main, request, feed);
        }
        main.push_str("</ul>");
    }
    main.push_str("<h1>Entries</h1>");
    if items.is_empty() {
        main.push_str(r#"<p class="empty">Nothing has come yet.</p>"#);
    }
    main.push_str(r#"<ol class="entries">"#);
    for item in items {
        let class = if item.read { "entry read" } else { "entry" };
        let link = request.link(&format!("/entries/{}", item.id));
        let _ = write!(
            main,
            r#"<li class="{class}"><a href="{}"><h2>{}</h2><p class="from">{} · "#,
            escape(&link),
            escape(&item.title),
            escape(&item.feed_name),
        );
        time::element(&mut main, item.published, refresh::now());
        let _ = write!(main, "</p><p>{}</p></a></li>", escape(&item.summary));
    }
    main.push_str("</ol>");
    page(request, "Feeds", &main)
}

fn row(out: &mut String, request: &Request, feed: &Feed) {
    let _ = write!(out, "<li><h2>{}</h2>", escape(feed.name()));
    if feed.problem.is_empty() {
        let _ = write!(out, "<p>{} entries, {} unread</p>", feed.entries, feed.unread);
    } else {
        let _ = write!(
            out,
            r#"<p class="problem"><strong>{}</strong> {}</p>"#,
            escape(&feed.problem),
            escape(&feed.advice)
        );
    }
    for (deed, words) in [("fetch", "Fetch now"), ("delete", "Remove")] {
        let action = request.link(&format!("/feeds/{}/{deed}", feed.id));
        let _ = write!(
            out,
            r#"<form method="post" action="{}"><button>{words}</button></form>"#,
            escape(&action)
        );
    }
    out.push_str("</li>");
}

/// One entry.
pub(crate) fn item(request: &Request, item: &Item) -> Response {
    let mut main = format!(
        r#"<article><h1>{}</h1><p class="from">{} · "#,
        escape(&item.title),
        escape(&item.feed_name),
    );
    time::element(&mut main, item.published, refresh::now());
    let _ = write!(main, r#"</p><div class="body">{}</div>"#, item.content);
    if !item.link.is_empty() {
        let _ = write!(
            main,
            r#"<p class="source"><a href="{}" rel="noopener noreferrer nofollow">Read it there</a></p>"#,
            escape(&item.link)
        );
    }
    main.push_str("</article>");
    page(request, &item.title, &main)
}

/// A page that says what went wrong.
pub(crate) fn problem(request: &Request, status: u16, sentence: &str) -> Response {
    let main = format!(r#"<h1>Sorry</h1><p class="empty">{}</p>"#, escape(sentence));
    page(request, "Sorry", &main).with_status(status)
}

/// The style sheet.
pub(crate) fn style() -> Response {
    let css = include_str!("../../../../plugins/feeds/src/style.css");
    Response::of("text/css; charset=utf-8", css).header("cache-control", "public, max-age=86400")
}

fn page(request: &Request, title: &str, main: &str) -> Response {
    let page = format!(
        r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><link rel="stylesheet" href="{}"></head>
<body><header><a class="name" href="{}">Feeds</a></header><main>{main}</main>
<footer>Feeds {}</footer></body></html>
"#,
        escape(title),
        escape(&request.link("/style.css?v=1.0.0")),
        escape(&request.link("/")),
        env!("CARGO_PKG_VERSION"),
    );
    Response::html(page)
        .header("content-security-policy", POLICY)
        .header("referrer-policy", "same-origin")
        .header("cache-control", "no-store")
}
