//! The tutorial app: greets whoever asks.

use newleaf_sdk::{Request, Response, escape};

newleaf_sdk::handle!(greet);

/// Answers `GET /` with a page, and `GET /?name=Ada` with a page for Ada.
fn greet(request: &Request) -> Response {
    if request.method() != "GET" && request.method() != "HEAD" {
        return Response::text("Only GET is answered here.\n")
            .with_status(405)
            .header("allow", "GET");
    }
    if request.path() != "/" {
        return Response::text("There is only one page here.\n").with_status(404);
    }
    let name = request.query("name").filter(|name| !name.is_empty());
    let name = name.as_deref().unwrap_or("world");
    Response::html(format!(
        r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Hello</title>
<h1>Hello, {}!</h1>
<form><label>Your name <input name="name" maxlength="60"></label> <button>Greet</button></form>
"#,
        escape(name)
    ))
}
