//! One entry.

use std::fmt::Write as _;

use newleaf_sdk::{Request, Response, escape};

use super::{
    frame::{button, page},
    time,
};
use crate::{filter::Filter, item::Item};

/// One entry with its text, and what can be done with it.
pub(crate) fn item(request: &Request, filter: &Filter, item: &Item, now: i64) -> Response {
    let query = filter.query();
    let list = request.link(&format!("/{query}"));
    let mut main = format!(
        r#"<p class="way"><a href="{}">← Back to the list</a></p><article><h1>{}</h1><p class="from">"#,
        escape(&list),
        escape(&item.title),
    );
    if !item.author.is_empty() {
        let _ = write!(main, "{} · ", escape(&item.author));
    }
    let _ = write!(main, "{} · ", escape(&item.feed_name));
    time::element(&mut main, item.published, now);
    main.push_str("</p>");
    if item.content.is_empty() {
        let _ = write!(main, r#"<p class="body">{}</p>"#, escape(&item.summary));
    } else {
        // Made safe by `clean` before it was stored.
        let _ = write!(main, r#"<div class="body">{}</div>"#, item.content);
    }
    if !item.link.is_empty() {
        let _ = write!(
            main,
            r#"<p class="source"><a href="{}" rel="noopener noreferrer nofollow">Read it at {}</a></p>"#,
            escape(&item.link),
            escape(site(&item.link)),
        );
    }
    main.push_str(r#"</article><div class="bar">"#);
    let action = |what: &str| request.link(&format!("/entries/{}/{what}", item.id));
    let (star, words) = if item.starred { ("unstar", "★ Starred") } else { ("star", "☆ Star") };
    button(&mut main, &action(star), &query, "", words);
    button(&mut main, &action("unread"), &query, "", "Keep unread");
    main.push_str("</div>");
    page(request, &item.title, &main)
}

/// The host of an address.
fn site(link: &str) -> &str {
    let rest = link.split_once("://").map_or(link, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}
