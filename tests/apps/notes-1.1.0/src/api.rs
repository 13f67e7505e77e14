//! The same notes as JSON: `GET` and `POST api/notes`, `GET api/notes/{id}`.

use newleaf_sdk::{Error, Request, Response};
use serde_json::{Value, json};

use crate::note::{self, Filter, Note};

/// Answers a request below `api/notes`.
pub(crate) fn answer(request: &Request, rest: &[&str]) -> Result<Response, Error> {
    match (request.method(), rest) {
        ("GET" | "HEAD", []) => list(request),
        ("POST", []) => create(request),
        ("GET" | "HEAD", [id]) => get(id),
        (_, [] | [_]) => {
            Ok(problem(405, "this method is not known here").header("allow", "GET, POST"))
        }
        _ => Ok(problem(404, "there is nothing here")),
    }
}

fn list(request: &Request) -> Result<Response, Error> {
    let filter = Filter { words: request.query("q").unwrap_or_default() };
    let notes = note::list(&filter)?;
    Ok(respond(200, &Value::Array(notes.iter().map(object).collect())))
}

fn get(id: &str) -> Result<Response, Error> {
    let note = id.parse().ok().map(note::get).transpose()?.flatten();
    Ok(note
        .map_or_else(|| problem(404, "there is no such note"), |note| respond(200, &object(&note))))
}

fn create(request: &Request) -> Result<Response, Error> {
    let Ok(sent) = serde_json::from_slice::<Value>(request.body()) else {
        return Ok(problem(400, "the body is not JSON"));
    };
    let text = |name: &str| sent.get(name).and_then(Value::as_str).unwrap_or_default();
    let note = Note {
        id: 0,
        title: text("title").trim().to_owned(),
        body: text("body").to_owned(),
        tags: note::split_tags(&tags(sent.get("tags"))),
    };
    if let Err(reason) = note.validate() {
        return Ok(problem(422, reason));
    }
    let id = note::create(&note)?;
    let location = request.link(&format!("/api/notes/{id}"));
    Ok(respond(201, &json!({ "id": id })).header("location", &location))
}

/// Tags as one text, whether they were sent so or as a list.
fn tags(sent: Option<&Value>) -> String {
    match sent {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(list)) => {
            list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
            String::new()
        }
    }
}

fn object(note: &Note) -> Value {
    json!({ "id": note.id, "title": note.title, "body": note.body, "tags": note.tags })
}

fn problem(status: u16, title: &str) -> Response {
    let body = json!({ "status": status, "title": title }).to_string();
    Response::of("application/problem+json", body).with_status(status)
}

fn respond(status: u16, value: &Value) -> Response {
    Response::json(value.to_string()).with_status(status).header("cache-control", "no-store")
}
