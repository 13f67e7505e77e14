//! The pages: plain HTML that works without a script. Whatever a person wrote is escaped.

use std::fmt::Write as _;

use newleaf_sdk::{Request, Response, encode, escape};

use crate::note::{Filter, MAX_TITLE, Note};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Nothing from elsewhere, no script at all.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      frame-ancestors 'self'; base-uri 'none'";

/// The list of notes.
pub(crate) fn list(
    request: &Request,
    filter: &Filter,
    notes: &[Note],
    tags: &[(String, i64)],
) -> Response {
    let mut main = String::new();
    // Writing to a String never fails.
    let _ = write!(
        main,
        r#"<div class="bar"><form class="search" role="search"><label class="unseen" for="q">Search</label>
<input id="q" type="search" name="q" value="{}" placeholder="Search notes"><button>Search</button></form>
<a class="button main" href="{}">New note</a></div>"#,
        escape(&filter.words),
        escape(&request.link("/new")),
    );
    tag_row(&mut main, request, filter, tags);
    if notes.is_empty() {
        let words = if filter.words.is_empty() && filter.tag.is_empty() {
            "No notes yet. The first one is a click away."
        } else {
            "No note fits."
        };
        let _ = write!(main, r#"<p class="empty">{words}</p>"#);
    } else {
        main.push_str(r#"<ul class="cards">"#);
        for note in notes {
            card(&mut main, request, note);
        }
        main.push_str("</ul>");
    }
    page(request, "Notes", &main)
}

/// A row of links, one a tag; nothing where there are no tags.
fn tag_row(out: &mut String, request: &Request, filter: &Filter, tags: &[(String, i64)]) {
    if tags.is_empty() {
        return;
    }
    let current = |here: bool| if here { " aria-current=\"true\"" } else { "" };
    let all = current(filter.tag.is_empty());
    let link = request.link("/");
    let _ = write!(
        out,
        r#"<nav class="tags" aria-label="Tags"><a href="{}"{all}>All</a>"#,
        escape(&link)
    );
    for (tag, uses) in tags {
        let here = current(*tag == filter.tag);
        let link = request.link(&format!("/?tag={}", encode(tag)));
        let (link, name) = (escape(&link), escape(tag));
        let _ = write!(out, r#"<a href="{link}"{here}>{name} <small>{uses}</small></a>"#);
    }
    out.push_str("</nav>");
}

fn card(out: &mut String, request: &Request, note: &Note) {
    let start: String = note.body.chars().take(180).collect();
    let link = request.link(&format!("/notes/{}", note.id));
    let _ = write!(
        out,
        r#"<li><a class="card" href="{}"><h2>{}</h2><p>{}</p>{}</a></li>"#,
        escape(&link),
        escape(&note.title),
        escape(&start),
        labels(note),
    );
}

fn labels(note: &Note) -> String {
    if note.tags.is_empty() {
        return String::new();
    }
    let mut labels = String::from(r#"<p class="labels">"#);
    for tag in &note.tags {
        let _ = write!(labels, "<span>{}</span> ", escape(tag));
    }
    labels.push_str("</p>");
    labels
}

/// One note.
pub(crate) fn note(request: &Request, note: &Note) -> Response {
    let here = format!("/notes/{}", note.id);
    let main = format!(
        r#"<article><h1>{}</h1>{}<div class="body">{}</div></article>
<div class="bar"><a class="button main" href="{}">Edit</a>
<details class="sure"><summary class="button">Delete</summary>
<form method="post" action="{}"><p>Delete this note for good?</p><button class="danger">Yes, delete</button></form></details></div>"#,
        escape(&note.title),
        labels(note),
        escape(&note.body),
        escape(&request.link(&format!("{here}/edit"))),
        escape(&request.link(&format!("{here}/delete"))),
    );
    page(request, &note.title, &main)
}

/// The form for a new note, or for one that is there.
pub(crate) fn form(request: &Request, note: &Note, problem: Option<&str>) -> Response {
    let (heading, action) = if note.id == 0 {
        ("New note", "/new".to_owned())
    } else {
        ("Edit note", format!("/notes/{}/edit", note.id))
    };
    let problem = problem
        .map(|problem| format!(r#"<p class="problem" role="alert">{}</p>"#, escape(problem)))
        .unwrap_or_default();
    let main = format!(
        r#"<h1>{heading}</h1>{problem}<form class="edit" method="post" action="{}">
<label for="title">Title</label><input id="title" name="title" required maxlength="{MAX_TITLE}" value="{}" autofocus>
<label for="body">Text</label><textarea id="body" name="body" rows="12">
{}</textarea>
<label for="tags">Tags <small>parted by commas</small></label><input id="tags" name="tags" value="{}">
<div class="bar"><button class="main">Save</button> <a class="button" href="{}">Cancel</a></div></form>"#,
        escape(&request.link(&action)),
        escape(&note.title),
        escape(&note.body),
        escape(&note.tags.join(", ")),
        escape(&request.link("/")),
    );
    page(request, heading, &main)
}

/// A page that says what went wrong.
pub(crate) fn problem(request: &Request, status: u16, sentence: &str) -> Response {
    let main = format!(
        r#"<h1>Sorry</h1><p class="empty">{}</p><p><a class="button" href="{}">All notes</a></p>"#,
        escape(sentence),
        escape(&request.link("/")),
    );
    page(request, "Sorry", &main).with_status(status)
}

/// The style sheet. Its address carries the version, so it may be kept for ever.
pub(crate) fn style() -> Response {
    Response::of("text/css; charset=utf-8", include_str!("style.css"))
        .header("cache-control", "public, max-age=31536000, immutable")
}

fn page(request: &Request, title: &str, main: &str) -> Response {
    let page = format!(
        r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="stylesheet" href="{}"></head>
<body><header><a href="{}">Notes</a></header><main>{main}</main>
<footer>Notes {VERSION}</footer></body></html>
"#,
        escape(title),
        escape(&request.link(&format!("/style.css?v={VERSION}"))),
        escape(&request.link("/")),
    );
    Response::html(page)
        .header("content-security-policy", POLICY)
        .header("cache-control", "no-store")
}
