//! Pinned notices: lists them, pins and unpins.

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use maud::{Markup, html};
use newleaf::ProductContext;
use newleaf::stock::{Page, Section, page};
use serde::{Deserialize, Serialize};
use sqlx::Row as _;

/// The page and its form.
pub(crate) fn routes(context: ProductContext) -> Router {
    Router::new()
        .route("/board/pinned", get(show).post(pin))
        .route("/board/pinned.json", get(json))
        .with_state(context)
}

/// A notice with its mark.
#[derive(Debug, Serialize)]
struct Notice {
    id: i64,
    text: String,
    pinned: bool,
}

/// What the form sends.
#[derive(Debug, Deserialize)]
struct Mark {
    id: i64,
    pinned: bool,
}

async fn show(State(context): State<ProductContext>) -> Result<Page, Failed> {
    let notices = newest(&context).await?;
    Ok(page(
        "Pinned notices",
        Section::Board,
        &html! {
            h1 { "Pinned notices" }
            p.quiet { "Pin what should not be missed. " a href="/board" { "Back to the board" } }
            ul.notices { @for notice in &notices { (row(notice)) } }
        },
    ))
}

fn row(notice: &Notice) -> Markup {
    let (mark, verb) = if notice.pinned { ("pinned", "Unpin") } else { ("", "Pin") };
    html! {
        li.card {
            p { (notice.text) }
            div.facts {
                span { "no. " (notice.id) }
                @if notice.pinned { span.tag { (mark) } }
                form method="post" action="/board/pinned" {
                    input type="hidden" name="id" value=(notice.id);
                    input type="hidden" name="pinned" value=(!notice.pinned);
                    button.plain { (verb) " no. " (notice.id) }
                }
            }
        }
    }
}

async fn json(State(context): State<ProductContext>) -> Result<Json<Vec<Notice>>, Failed> {
    Ok(Json(newest(&context).await?))
}

async fn pin(
    State(context): State<ProductContext>,
    Form(mark): Form<Mark>,
) -> Result<Response, Failed> {
    let changed = sqlx::query("UPDATE notice SET pinned = ? WHERE id = ?")
        .bind(mark.pinned)
        .bind(mark.id)
        .execute(context.db.writer())
        .await?;
    Ok(match changed.rows_affected() {
        0 => (StatusCode::NOT_FOUND, format!("There is no notice {}.", mark.id)).into_response(),
        _ => Redirect::to("/board/pinned").into_response(),
    })
}

/// Pinned ones first, then the newest.
async fn newest(context: &ProductContext) -> Result<Vec<Notice>, sqlx::Error> {
    sqlx::query("SELECT id, text, pinned FROM notice ORDER BY pinned DESC, id DESC LIMIT 50")
        .fetch_all(context.db.reader())
        .await?
        .iter()
        .map(|row| {
            Ok(Notice {
                id: row.try_get("id")?,
                text: row.try_get("text")?,
                pinned: row.try_get("pinned")?,
            })
        })
        .collect()
}

/// The table could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("The board's table could not be read or written.")]
struct Failed(#[from] sqlx::Error);

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        tracing::error!("pinned notices: {}", self.0);
        (StatusCode::SERVICE_UNAVAILABLE, self.to_string()).into_response()
    }
}
