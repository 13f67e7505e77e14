//! `GET /api/v1/updates/<id>/events`: an update as it happens. A stream that breaks (core switches
//! under it) is taken up by `Last-Event-ID` without a record lost.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{Stream, StreamExt as _};
use newleaf_domain::UpdateId;
use newleaf_update::Watch;
use tokio::sync::OwnedSemaphorePermit;

use super::Api;
use crate::route::answer::Segments;
use crate::route::{Kind, Problem, UpdateEvent};

pub(super) async fn get(
    State(api): State<Api>,
    Segments(id): Segments<UpdateId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    super::update::report(&api, &id).await?;
    let place = Arc::clone(&api.streams).try_acquire_owned().map_err(|_| {
        Problem::new(Kind::TooMany, "open one more stream of events")
            .todo("close a page or a command that follows an update")
    })?;
    let events = api.updater.watch(&id, after(&headers));
    let shutdown = api.shutdown.clone();
    let closing = async move { shutdown.begun().await };
    let stream = events
        .then(move |watch| told(api.clone(), id.clone(), watch))
        .filter_map(|event| async { event });
    let stream = stream.map(Ok::<_, Infallible>).take_until(Box::pin(closing));
    let stream = Kept { stream: Box::pin(stream), _place: place };
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()).into_response())
}

/// A stream that has a place among those that are open, as long as it lives.
struct Kept<S> {
    stream: Pin<Box<S>>,
    _place: OwnedSemaphorePermit,
}

impl<S: Stream> Stream for Kept<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.stream.as_mut().poll_next(context)
    }
}

/// The newest record that the viewer has (WHATWG HTML §9.2.4).
fn after(headers: &HeaderMap) -> u64 {
    headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok()).unwrap_or(0)
}

async fn told(api: Api, id: UpdateId, watch: Watch) -> Option<Event> {
    let event = match watch {
        Watch::Record(record) => UpdateEvent::Record(Box::new(record)),
        Watch::Progress { step, progress } => UpdateEvent::Progress { step, progress },
        Watch::Ended => UpdateEvent::Ended(Box::new(super::update::report(&api, &id).await.ok()?)),
    };
    let sse = Event::default().event(event.name());
    let sse = match &event {
        UpdateEvent::Record(record) => sse.id(record.seq.to_string()),
        UpdateEvent::Progress { .. } | UpdateEvent::Ended(_) => sse,
    };
    sse.json_data(&event)
        .map_err(|error| tracing::error!("event of {id} does not print: {error}"))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_viewer_resumes_after_the_record_it_has() {
        let with = |id: &str| {
            HeaderMap::from_iter([("last-event-id".parse().unwrap(), id.parse().unwrap())])
        };
        assert_eq!((after(&with("17")), after(&with("x")), after(&HeaderMap::new())), (17, 0, 0));
    }
}
