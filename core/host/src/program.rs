//! The name of the program that people type. The library's texts write its commands as
//! `newleaf …`; where a text leaves the process, the product's own name takes that place.

use std::borrow::Cow;
use std::sync::LazyLock;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::Response;
use bytes::Bytes;
use http_body_util::BodyExt as _;

/// The name in the library's own texts.
const LIBRARY: &str = "newleaf";

/// Every command there is.
static COMMANDS: LazyLock<Vec<String>> = LazyLock::new(crate::cli::command_names);

/// Media types of texts that people read.
const TEXTS: [&str; 4] =
    ["text/html", "text/event-stream", "application/json", "application/problem+json"];

/// `text` with the commands of the library as commands of `program`.
pub(crate) fn named<'a>(program: &str, text: &'a str) -> Cow<'a, str> {
    named_on(program, None, text)
}

/// The same, with the host's folder in each command that does not name one: so it can be typed as it
/// is told, wherever `NEWLEAF_DIR` does not say which host is meant. `folder` is quoted for a shell.
pub(crate) fn named_on<'a>(program: &str, folder: Option<&str>, text: &'a str) -> Cow<'a, str> {
    if program == LIBRARY && folder.is_none() || !text.contains(LIBRARY) {
        return Cow::Borrowed(text);
    }
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(LIBRARY) {
        let (before, after) = (&rest[..at], &rest[at + LIBRARY.len()..]);
        told.push_str(before);
        let is_word = |c: char| c.is_alphanumeric() || "-_./:".contains(c);
        let begins = !before.chars().next_back().is_some_and(is_word);
        let is_told = begins && is_command(after);
        told.push_str(if is_told { program } else { LIBRARY });
        if let Some(folder) = folder.filter(|_| is_told && !names_a_folder(after)) {
            told.push_str(" --dir ");
            told.push_str(folder);
        }
        rest = after;
    }
    told.push_str(rest);
    Cow::Owned(told)
}

/// Whether the command that `after` goes on with names the host's folder by itself.
fn names_a_folder(after: &str) -> bool {
    let end = after.find(['\n', ';', '`']).unwrap_or(after.len());
    after[..end].contains(" --dir ")
}

/// Whether `after`, what stands behind the name, begins with a command.
fn is_command(after: &str) -> bool {
    let Some(words) = after.strip_prefix(' ') else { return false };
    let end = words.find(|c: char| !(c.is_ascii_lowercase() || c == '-')).unwrap_or(words.len());
    COMMANDS.iter().any(|command| command == &words[..end])
}

/// `router`, whose texts name the commands of `program`.
pub(crate) fn named_in(router: Router, program: &'static str) -> Router {
    if program == LIBRARY {
        return router;
    }
    router.layer(axum::middleware::map_response(move |response| {
        std::future::ready(rename(response, program))
    }))
}

fn rename(response: Response, program: &'static str) -> Response {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !kind.is_some_and(|kind| TEXTS.iter().any(|text| kind.starts_with(text))) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    head.headers.remove(CONTENT_LENGTH);
    // A page is one piece, and so is an event.
    let body = body.map_frame(move |frame| frame.map_data(|data| rename_bytes(data, program)));
    Response::from_parts(head, Body::new(body))
}

fn rename_bytes(data: Bytes, program: &str) -> Bytes {
    match std::str::from_utf8(&data).map(|text| named(program, text)) {
        Ok(Cow::Owned(text)) => text.into(),
        Ok(Cow::Borrowed(_)) | Err(_) => data,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use axum::response::Html;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    #[test]
    fn commands_get_the_programs_name_and_everything_else_keeps_its_own() {
        for (text, told) in [
            ("run `newleaf init --dir D` first", "run `visits init --dir D` first"),
            ("look: newleaf sign-in-link", "look: visits sign-in-link"),
            (r#"{"todo":"newleaf status"}"#, r#"{"todo":"visits status"}"#),
            ("edit newleaf.toml, then newleaf check", "edit newleaf.toml, then visits check"),
            ("sudo chown newleaf /srv/newleaf status", "sudo chown newleaf /srv/newleaf status"),
            ("urn:newleaf:problem:busy newleaf-sdk", "urn:newleaf:problem:busy newleaf-sdk"),
            ("a newleaf statuses", "a newleaf statuses"),
        ] {
            assert_eq!(named("visits", text), told);
            assert_eq!(named("newleaf", text), text);
        }
    }

    #[test]
    fn a_command_gets_the_folder_unless_it_names_one() {
        for (text, told) in [
            ("then: newleaf check", "then: newleaf --dir '/srv/a b' check"),
            (
                "newleaf serve --dir /x; newleaf check",
                "newleaf serve --dir /x; newleaf --dir '/srv/a b' check",
            ),
            ("edit newleaf.toml", "edit newleaf.toml"),
        ] {
            assert_eq!(named_on("newleaf", Some("'/srv/a b'"), text), told);
        }
    }

    #[tokio::test]
    async fn pages_are_told_so_and_files_are_left_alone() {
        let page = async || Html("<code>newleaf sign-in-link</code>");
        let file = async || ([(CONTENT_TYPE, "text/javascript")], "newleaf status");
        let router = Router::new().route("/page", get(page)).route("/file", get(file));
        let router = named_in(router, "visits");
        for (path, told) in
            [("/page", "<code>visits sign-in-link</code>"), ("/file", "newleaf status")]
        {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            let length = response.headers().get(CONTENT_LENGTH).cloned();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, told);
            assert!(length.is_none_or(|length| length == told.len().to_string().as_str()));
        }
    }
}
