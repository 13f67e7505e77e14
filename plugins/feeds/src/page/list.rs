//! The list of entries, with what narrows it.

use std::fmt::Write as _;

use newleaf_sdk::{Request, Response, escape};

use super::{frame::page, time};
use crate::{
    feed::Feed,
    filter::{Filter, Place, Show},
    item::Item,
};

/// What the list page shows.
pub(crate) struct Shown<'a> {
    pub(crate) filter: &'a Filter,
    pub(crate) items: &'a [Item],
    /// Whether more entries follow.
    pub(crate) more: bool,
    pub(crate) feeds: &'a [Feed],
    /// Unread and starred entries of all feeds.
    pub(crate) counts: (i64, i64),
    /// The entry that was stored last.
    pub(crate) newest: i64,
    pub(crate) now: i64,
}

/// The list of entries.
pub(crate) fn list(request: &Request, shown: &Shown<'_>) -> Response {
    let feed = shown.filter.feed.and_then(|id| shown.feeds.iter().find(|feed| feed.id == id));
    let heading = match (feed, shown.filter.show) {
        (Some(feed), _) => feed.name(),
        (None, _) if !shown.filter.words.is_empty() => "Found",
        (None, Show::Unread) => "Unread",
        (None, Show::All) => "All entries",
        (None, Show::Starred) => "Starred",
    };
    let mut main = String::from(r#"<div class="columns"><div class="list">"#);
    search(&mut main, request, shown.filter);
    tabs(&mut main, request, shown);
    let _ = write!(main, "<h1>{}</h1>", escape(heading));
    if let Some(feed) = feed.filter(|feed| !feed.problem.is_empty()) {
        let link = request.link(&format!("/feeds#feed-{}", feed.id));
        let _ = write!(
            main,
            r#"<p class="problem">{} <a href="{}">More</a></p>"#,
            escape(&feed.problem),
            escape(&link)
        );
    }
    if shown.items.is_empty() {
        empty(&mut main, request, shown);
    } else {
        entries(&mut main, request, shown);
    }
    main.push_str("</div>");
    side(&mut main, request, shown);
    main.push_str("</div>");
    page(request, heading, &main)
}

fn search(out: &mut String, request: &Request, filter: &Filter) {
    let _ = write!(
        out,
        r#"<form class="search" role="search" action="{}"><label class="unseen" for="q">Search</label>
<input id="q" type="search" name="q" value="{}" placeholder="Search entries" maxlength="200"><button>Search</button></form>"#,
        escape(&request.link("/")),
        escape(&filter.words),
    );
}

fn tabs(out: &mut String, request: &Request, shown: &Shown<'_>) {
    let (unread, starred) = shown.counts;
    out.push_str(r#"<nav class="tabs" aria-label="Which entries">"#);
    let tabs = [
        (Show::Unread, "Unread", Some(unread)),
        (Show::All, "All", None),
        (Show::Starred, "Starred", Some(starred)),
    ];
    for (show, words, count) in tabs {
        let filter = Filter { show, ..shown.filter.first_page() };
        let here = if show == shown.filter.show { " aria-current=\"true\"" } else { "" };
        let link = request.link(&format!("/{}", filter.query()));
        let _ = write!(out, r#"<a href="{}"{here}>{words}"#, escape(&link));
        if let Some(count) = count.filter(|_| shown.filter.feed.is_none()) {
            let _ = write!(out, " <small>{count}</small>");
        }
        out.push_str("</a>");
    }
    out.push_str("</nav>");
}

fn empty(out: &mut String, request: &Request, shown: &Shown<'_>) {
    if shown.feeds.is_empty() {
        let _ = write!(
            out,
            r#"<p class="empty">No feeds yet. <a href="{}">Add the first one</a>, or bring a list from another reader.</p>"#,
            escape(&request.link("/feeds")),
        );
        return;
    }
    let words = if !shown.filter.words.is_empty() {
        "No entry has all these words."
    } else if shown.filter.show == Show::Starred {
        "Nothing is starred."
    } else if shown.filter.show == Show::Unread {
        "All read."
    } else {
        "Nothing has come yet."
    };
    let _ = write!(out, r#"<p class="empty">{words}</p>"#);
}

fn entries(out: &mut String, request: &Request, shown: &Shown<'_>) {
    out.push_str(r#"<ol class="entries">"#);
    for item in shown.items {
        entry(out, request, shown, item);
    }
    out.push_str("</ol>");
    let filter = shown.filter;
    out.push_str(r#"<div class="bar">"#);
    if filter.after.is_some() {
        let link = request.link(&format!("/{}", filter.first_page().query()));
        let _ = write!(out, r#"<a class="button" href="{}">To the newest</a>"#, escape(&link));
    }
    if let Some(last) = shown.items.last().filter(|_| shown.more) {
        let after = Some(Place { published: last.published, id: last.id });
        let older = Filter { after, ..filter.clone() };
        let link = request.link(&format!("/{}", older.query()));
        let _ = write!(out, r#"<a class="button" rel="next" href="{}">Older</a>"#, escape(&link));
    }
    if shown.items.iter().any(|item| !item.read) {
        let _ = write!(
            out,
            r#"<form method="post" action="{}"><input type="hidden" name="back" value="{}">
<input type="hidden" name="newest" value="{}"><button>Mark all of these as read</button></form>"#,
            escape(&request.link("/read")),
            escape(&filter.first_page().query()),
            shown.newest,
        );
    }
    out.push_str("</div>");
}

fn entry(out: &mut String, request: &Request, shown: &Shown<'_>, item: &Item) {
    let link = request.link(&format!("/entries/{}{}", item.id, shown.filter.query()));
    let class = if item.read { "entry read" } else { "entry" };
    let star = if item.starred { r#"<span class="star" title="starred">★</span> "# } else { "" };
    let state = if item.read { "" } else { r#"<span class="unseen">Unread: </span>"# };
    let _ = write!(
        out,
        r#"<li class="{class}"><a href="{}"><h2>{star}{state}{}</h2><p class="from">{} · "#,
        escape(&link),
        escape(&item.title),
        escape(&item.feed_name),
    );
    time::element(out, item.published, shown.now);
    let _ = write!(out, "</p><p>{}</p></a></li>", escape(&item.summary));
}

/// The feeds, each with its unread entries.
fn side(out: &mut String, request: &Request, shown: &Shown<'_>) {
    if shown.feeds.is_empty() {
        return;
    }
    out.push_str(r#"<nav class="side" aria-label="Feeds"><h2>Feeds</h2><ul>"#);
    let base = Filter { feed: None, words: String::new(), ..shown.filter.first_page() };
    let here = |id| if shown.filter.feed == id { " aria-current=\"true\"" } else { "" };
    let all = request.link(&format!("/{}", base.query()));
    let _ = write!(out, r#"<li><a href="{}"{}>All feeds</a></li>"#, escape(&all), here(None));
    for feed in shown.feeds {
        let filter = Filter { feed: Some(feed.id), ..base.clone() };
        let link = request.link(&format!("/{}", filter.query()));
        let _ = write!(
            out,
            r#"<li><a href="{}"{}><span>{}</span>"#,
            escape(&link),
            here(Some(feed.id)),
            escape(feed.name()),
        );
        if !feed.problem.is_empty() {
            out.push_str(r#" <small class="bad">failing</small>"#);
        } else if feed.unread > 0 {
            let _ = write!(out, " <small>{}</small>", feed.unread);
        }
        out.push_str("</a></li>");
    }
    out.push_str("</ul></nav>");
}
