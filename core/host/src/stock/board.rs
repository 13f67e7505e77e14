//! The notice board: reads and writes the host's own database, with or without JavaScript.

use axum::extract::{FromRequest as _, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Form, Json};
use maud::{Markup, html};
use newleaf_domain::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::page::{Page, Section};
use crate::ProductContext;

/// How many notices a page shows.
const SHOWN: i64 = 50;

/// The longest notice, in characters.
const MOST: usize = 500;

/// One notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Notice {
    id: i64,
    text: String,
    at: Timestamp,
}

/// What a visitor sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewNotice {
    text: String,
}

pub(super) async fn page(State(context): State<ProductContext>) -> Result<Page, BoardError> {
    let views = count_view(&context).await?;
    Ok(board(&newest(&context).await?, views, None))
}

pub(super) async fn json(
    State(context): State<ProductContext>,
) -> Result<Json<Vec<Notice>>, BoardError> {
    Ok(Json(newest(&context).await?))
}

pub(super) async fn post(
    State(context): State<ProductContext>,
    request: Request,
) -> Result<Response, BoardError> {
    let kind = request.headers().get(CONTENT_TYPE);
    if kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json")) {
        post_json(&context, request).await
    } else {
        post_form(&context, request).await
    }
}

async fn post_json(context: &ProductContext, request: Request) -> Result<Response, BoardError> {
    let Json(new) = Json::<NewNotice>::from_request(request, &())
        .await
        .map_err(|rejection| BoardError::Form(rejection.body_text()))?;
    let id = add(context, &checked(&new.text)?).await?;
    Ok((StatusCode::CREATED, Json(serde_json::json!({ "id": id }))).into_response())
}

async fn post_form(context: &ProductContext, request: Request) -> Result<Response, BoardError> {
    let Form(new) = Form::<NewNotice>::from_request(request, &())
        .await
        .map_err(|rejection| BoardError::Form(rejection.body_text()))?;
    match checked(&new.text) {
        Ok(text) => {
            add(context, &text).await?;
            Ok(Redirect::to("/board").into_response())
        }
        Err(error) => {
            let shown = board(&newest(context).await?, None, Some((&error.to_string(), &new.text)));
            Ok((error.status(), shown).into_response())
        }
    }
}

/// The text as it is kept: trimmed, not empty, not too long.
fn checked(text: &str) -> Result<String, BoardError> {
    let text = text.trim().replace("\r\n", "\n");
    match text.chars().count() {
        0 => Err(BoardError::Empty),
        length if length > MOST => Err(BoardError::TooLong { length }),
        _ => Ok(text),
    }
}

async fn add(context: &ProductContext, text: &str) -> Result<i64, BoardError> {
    let row = sqlx::query("INSERT INTO notice (text, at) VALUES (?, unixepoch()) RETURNING id")
        .bind(text)
        .fetch_one(context.db.writer())
        .await?;
    Ok(row.try_get(0)?)
}

async fn newest(context: &ProductContext) -> Result<Vec<Notice>, BoardError> {
    sqlx::query("SELECT id, text, at FROM notice ORDER BY id DESC LIMIT ?")
        .bind(SHOWN)
        .fetch_all(context.db.reader())
        .await?
        .iter()
        .map(|row| notice(row).map_err(BoardError::from))
        .collect()
}

fn notice(row: &SqliteRow) -> Result<Notice, sqlx::Error> {
    let at = Timestamp::from_unix(row.try_get("at")?);
    Ok(Notice { id: row.try_get("id")?, text: row.try_get("text")?, at })
}

/// Counts a look at the board, so that reading it writes too.
async fn count_view(context: &ProductContext) -> Result<Option<i64>, BoardError> {
    let row = sqlx::query(
        "INSERT INTO page_view (page, count) VALUES ('board', 1)
         ON CONFLICT (page) DO UPDATE SET count = count + 1 RETURNING count",
    )
    .fetch_one(context.db.writer())
    .await?;
    Ok(Some(row.try_get(0)?))
}

fn board(notices: &[Notice], views: Option<i64>, refused: Option<(&str, &str)>) -> Page {
    super::page(
        "Notice board",
        Section::Board,
        &html! {
            h1 { "Notice board" }
            p.quiet { "Leave a note for whoever comes next." }
            form.note method="post" action="/board" {
                label for="text" { "New notice" }
                textarea #text name="text" required maxlength=(MOST) aria-describedby="hint" {
                    @if let Some((_, text)) = refused { (text) }
                }
                @match refused {
                    Some((why, _)) => p #hint role="alert" { span.tag.warn { (why) } },
                    None => p.quiet #hint { "Up to " (MOST) " characters." },
                }
                button { "Put it up" }
            }
            (list(notices))
            @if let Some(views) = views { p.quiet { "Looked at " (views) " times." } }
        },
    )
}

fn list(notices: &[Notice]) -> Markup {
    html! {
        @if notices.is_empty() { p.quiet { "Nothing has been put up yet." } }
        ul.notices {
            @for notice in notices {
                li.card {
                    p { (notice.text) }
                    div.facts { time datetime=(notice.at) { (minutes(notice.at)) } span { "no. " (notice.id) } }
                }
            }
        }
    }
}

/// A time as people read it: `2026-11-21 02:30 UTC`.
fn minutes(at: Timestamp) -> String {
    let text = at.to_string();
    text.get(..16)
        .map_or_else(|| text.clone(), |minutes| format!("{} UTC", minutes.replace('T', " ")))
}

/// Why the board did not do as asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum BoardError {
    #[error("The notice is empty.")]
    Empty,
    #[error("The notice has {length} characters; {MOST} are the most.")]
    TooLong { length: usize },
    #[error("The request is not understood: {0}")]
    Form(String),
    #[error("The board's table could not be read or written.")]
    Database(#[from] sqlx::Error),
}

impl BoardError {
    const fn status(&self) -> StatusCode {
        match self {
            Self::Empty | Self::TooLong { .. } | Self::Form(_) => StatusCode::BAD_REQUEST,
            Self::Database(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for BoardError {
    fn into_response(self) -> Response {
        if let Self::Database(error) = &self {
            tracing::error!("notice board: {error}");
        }
        (self.status(), self.to_string()).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_trimmed_and_bounded() {
        assert_eq!(checked("  hello \r\nyou ").unwrap(), "hello \nyou");
        assert!(matches!(checked(" \n"), Err(BoardError::Empty)));
        assert!(checked(&"é".repeat(MOST)).is_ok());
        assert!(matches!(checked(&"a".repeat(MOST + 1)), Err(BoardError::TooLong { length: 501 })));
    }

    #[test]
    fn a_refused_notice_is_given_back_with_the_reason() {
        let page = board(&[], None, Some(("The notice is empty.", "<b>"))).into_string();
        assert!(
            page.contains("The notice is empty.") && page.contains("&lt;b&gt;</textarea>"),
            "{page}"
        );
    }
}
