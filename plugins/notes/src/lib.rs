//! Notes: a list of short texts with tags and search, as server-rendered pages and as JSON.
//!
//! Each module has one concern: `note` the data, `page` the HTML, `api` the JSON; this file
//! decides which of them a request is for.

mod api;
mod note;
mod page;

use newleaf_sdk::{App, Error, Request, Response};

use note::{Filter, Note};

struct Notes;

newleaf_sdk::app!(Notes);

impl App for Notes {
    fn handle(request: &Request) -> Response {
        if !matches!(request.method(), "GET" | "HEAD") && request.comes_from_elsewhere() {
            return page::problem(request, 403, "This form was sent from another site.");
        }
        match answer(request) {
            Ok(response) => response,
            Err(Error::QuotaExceeded) => page::problem(
                request,
                507,
                "There is no room left. Delete some notes, or ask for more space.",
            ),
            Err(error) => {
                newleaf_sdk::log::error(&format!(
                    "{} {}: {error}",
                    request.method(),
                    request.path()
                ));
                page::problem(
                    request,
                    500,
                    "Your notes cannot be reached right now. Please try again.",
                )
            }
        }
    }

    fn init() -> Result<(), Error> {
        note::create_tables()
    }

    fn migrate(from: u32, to: u32) -> Result<(), Error> {
        note::migrate(from, to)
    }

    fn health() -> Result<(), Error> {
        note::check()
    }
}

fn answer(request: &Request) -> Result<Response, Error> {
    let segments = request.segments();
    match (request.method(), segments.as_slice()) {
        ("GET" | "HEAD", []) => list(request),
        ("GET" | "HEAD", ["style.css"]) => Ok(page::style()),
        ("GET" | "HEAD", ["new"]) => Ok(page::form(request, &Note::default(), None)),
        ("POST", ["new"]) => save(request, None),
        ("GET" | "HEAD", ["notes", id]) => with(request, id, |note| Ok(page::note(request, note))),
        ("GET" | "HEAD", ["notes", id, "edit"]) => {
            with(request, id, |note| Ok(page::form(request, note, None)))
        }
        ("POST", ["notes", id, "edit"]) => with(request, id, |note| save(request, Some(note.id))),
        ("POST", ["notes", id, "delete"]) => with(request, id, |note| {
            note::delete(note.id)?;
            Ok(Response::see_other(&request.link("/")))
        }),
        (_, ["api", "notes", rest @ ..]) => api::answer(request, rest),
        _ => Ok(page::problem(request, 404, "There is no such page.")),
    }
}

fn list(request: &Request) -> Result<Response, Error> {
    let filter = Filter {
        words: request.query("q").unwrap_or_default(),
        tag: request.query("tag").unwrap_or_default(),
    };
    let notes = note::list(&filter)?;
    Ok(page::list(request, &filter, &notes, &note::tags()?))
}

/// Saves the form in the request, as a new note or in place of the note `id`.
fn save(request: &Request, id: Option<i64>) -> Result<Response, Error> {
    let form = request.form();
    let field = |name| form.get(name).unwrap_or_default();
    let note = Note {
        id: id.unwrap_or_default(),
        title: field("title").trim().to_owned(),
        body: field("body").replace("\r\n", "\n"),
        tags: note::split_tags(field("tags")),
    };
    if let Err(problem) = note.validate() {
        return Ok(page::form(request, &note, Some(problem)).with_status(422));
    }
    let id = match id {
        Some(id) => note::update(id, &note).map(|()| id)?,
        None => note::create(&note)?,
    };
    Ok(Response::see_other(&request.link(&format!("/notes/{id}"))))
}

/// Answers about the note whose id is the text `id`, or says that there is none.
fn with(
    request: &Request,
    id: &str,
    answer: impl FnOnce(&Note) -> Result<Response, Error>,
) -> Result<Response, Error> {
    match id.parse().ok().map(note::get).transpose()?.flatten() {
        Some(note) => answer(&note),
        None => Ok(page::problem(request, 404, "There is no such note.")),
    }
}
