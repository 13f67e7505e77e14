//! The page on which feeds are added, looked after and removed.

use std::fmt::Write as _;

use newleaf_sdk::{Request, Response, escape};

use super::{frame::page, time};
use crate::feed::Feed;

/// What the last form did, for the next page to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// Nothing.
    Nothing,
    /// Something went well.
    Done(&'static str),
    /// A list was read: so many feeds are new, of so many.
    Imported { new: usize, of: usize },
    /// Something is wrong with what was typed.
    Wrong { typed: String, why: String },
}

/// All feeds, and the forms around them.
pub(crate) fn feeds(request: &Request, feeds: &[Feed], said: &Said, now: i64) -> Response {
    let mut main = String::from("<h1>Manage feeds</h1>");
    say(&mut main, said);
    add(&mut main, request, said);
    if !feeds.is_empty() {
        main.push_str(r#"<ul class="feeds">"#);
        for feed in feeds {
            row(&mut main, request, feed, now);
        }
        main.push_str("</ul>");
        let _ = write!(
            main,
            r#"<div class="bar"><form method="post" action="{}"><button>Fetch all now</button></form></div>"#,
            escape(&request.link("/fetch")),
        );
    }
    lists(&mut main, request, feeds);
    let page = page(request, "Manage feeds", &main);
    if matches!(said, Said::Wrong { .. }) { page.with_status(422) } else { page }
}

fn say(out: &mut String, said: &Said) {
    let _ = match said {
        Said::Nothing => Ok(()),
        Said::Done(sentence) => write!(out, r#"<p class="done" role="status">{sentence}</p>"#),
        Said::Imported { new, of } => write!(
            out,
            r#"<p class="done" role="status">The list has {of} feeds; {new} of them are new here.</p>"#
        ),
        Said::Wrong { why, .. } => {
            write!(out, r#"<p class="problem" role="alert" id="why">{}</p>"#, escape(why))
        }
    };
}

fn add(out: &mut String, request: &Request, said: &Said) {
    let (typed, wrong) = match said {
        Said::Wrong { typed, .. } => {
            (typed.as_str(), r#" aria-invalid="true" aria-describedby="why""#)
        }
        Said::Nothing | Said::Done(_) | Said::Imported { .. } => ("", ""),
    };
    let _ = write!(
        out,
        r#"<form class="add" method="post" action="{}"><label for="address">Address of a feed <small>RSS, Atom or JSON Feed</small></label>
<div class="bar"><input id="address" name="address" inputmode="url" required maxlength="2000" value="{}" placeholder="https://example.com/feed.xml"{wrong}><button class="main">Add</button></div></form>"#,
        escape(&request.link("/feeds")),
        escape(typed),
    );
}

fn row(out: &mut String, request: &Request, feed: &Feed, now: i64) {
    let link = request.link(&format!("/?show=all&feed={}", feed.id));
    let _ = write!(
        out,
        r#"<li id="feed-{}"><h2><a href="{}">{}</a></h2><p class="from">{}</p>"#,
        feed.id,
        escape(&link),
        escape(feed.name()),
        escape(&feed.address),
    );
    if !feed.site.is_empty() {
        let _ = write!(
            out,
            r#"<p class="from"><a href="{}" rel="noopener noreferrer nofollow">Its site</a></p>"#,
            escape(&feed.site)
        );
    }
    if feed.problem.is_empty() {
        out.push_str(r#"<p class="from">"#);
        if feed.fetched == 0 {
            out.push_str("Not fetched yet");
        } else {
            let (entries, unread) = (count(feed.entries), feed.unread);
            let _ = write!(out, "{entries}, {unread} unread · fetched ");
            time::element(out, feed.fetched, now);
        }
        let _ = write!(out, " · again {}</p>", time::hence(feed.next - now));
    } else {
        trouble(out, feed, now);
    }
    let action = |what: &str| request.link(&format!("/feeds/{}/{what}", feed.id));
    let _ = write!(
        out,
        r#"<div class="bar"><form method="post" action="{}"><button>Fetch now</button></form>
<details class="sure"><summary class="button">Remove</summary><form method="post" action="{}"><p>Remove this feed and {}?</p><button class="danger">Yes, remove</button></form></details></div></li>"#,
        escape(&action("fetch")),
        escape(&action("delete")),
        count(feed.entries),
    );
}

/// A number of entries in words.
fn count(entries: i64) -> String {
    if entries == 1 { "1 entry".to_owned() } else { format!("{entries} entries") }
}

/// Why a feed fails, since when, and what to do.
fn trouble(out: &mut String, feed: &Feed, now: i64) {
    let _ =
        write!(out, r#"<div class="problem"><p><strong>{}</strong></p>"#, escape(&feed.problem));
    if !feed.advice.is_empty() {
        let _ = write!(out, "<p>{}</p>", escape(&feed.advice));
    }
    let times = if feed.failures == 1 {
        "once".to_owned()
    } else {
        format!("{} times in a row", feed.failures)
    };
    let _ = write!(out, "<p>Failed {times}; tried again {}.", time::hence(feed.next - now));
    if feed.fetched > 0 {
        out.push_str(" Last fetched ");
        time::element(out, feed.fetched, now);
        out.push('.');
    }
    out.push_str("</p></div>");
}

/// Lists from and for other readers.
fn lists(out: &mut String, request: &Request, feeds: &[Feed]) {
    let _ = write!(
        out,
        r#"<section><h2>Lists of feeds</h2><p>Other readers write and read lists of feeds as OPML.</p>
<form class="add" method="post" enctype="multipart/form-data" action="{}"><label for="list">Bring a list</label>
<div class="bar"><input id="list" type="file" name="list" accept=".opml,.xml,text/x-opml,application/xml,text/xml" required><button>Import</button></div></form>"#,
        escape(&request.link("/opml")),
    );
    if !feeds.is_empty() {
        let link = request.link("/feeds.opml");
        let _ = write!(
            out,
            r#"<p><a class="button" href="{}" download="feeds.opml">Take this list with you</a></p>"#,
            escape(&link)
        );
    }
    out.push_str("</section>");
}
