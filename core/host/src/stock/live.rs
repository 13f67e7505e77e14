//! `GET /board/events`: tells a page when the board has changed (server-sent events, HTML §9.2).
//! An event's id is the newest notice's number, so that who comes back is told what was missed.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{self, StreamExt as _};
use tokio::sync::watch;

use crate::db::Db;

/// How often the table is looked at while anybody listens; the version before may write it too.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The newest notice's number, followed while anybody listens. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Newest {
    db: Db,
    number: watch::Sender<i64>,
    is_followed: Arc<Mutex<bool>>,
}

impl Newest {
    /// Of the board in `db`.
    pub(super) fn of(db: Db) -> Self {
        Self { db, number: watch::Sender::new(0), is_followed: Arc::default() }
    }

    /// The stream of one listener.
    pub(super) fn events(self, headers: &HeaderMap) -> Response {
        let known = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
        let number = self.number.subscribe();
        self.follow();
        let numbers = stream::unfold((number, known.unwrap_or(0)), async |(mut number, known)| {
            let newest = *number.wait_for(|newest| *newest > known).await.ok()?;
            Some((newest, (number, newest)))
        });
        let event = |newest: i64| {
            let told = Event::default().event("notice").id(newest.to_string());
            Ok::<_, Infallible>(told.data(newest.to_string()))
        };
        Sse::new(numbers.map(event)).keep_alive(KeepAlive::default()).into_response()
    }

    /// Looks at the table until nobody listens any more.
    fn follow(self) {
        let is_followed = Arc::clone(&self.is_followed);
        let mut is_followed = is_followed.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut *is_followed, true) {
            tokio::spawn(async move {
                while self.is_heard() {
                    self.look().await;
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            });
        }
    }

    /// Whether anybody listens; where nobody does, the next listener starts anew.
    fn is_heard(&self) -> bool {
        let mut is_followed = self.is_followed.lock().unwrap_or_else(PoisonError::into_inner);
        *is_followed = self.number.receiver_count() > 0;
        *is_followed
    }

    async fn look(&self) {
        let newest = sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM notice");
        match newest.fetch_one(self.db.reader()).await {
            Ok(newest) => {
                self.number.send_if_modified(|number| std::mem::replace(number, newest) != newest);
            }
            Err(error) => tracing::warn!("the newest notice is not known: {error}"),
        }
    }
}
