//! `GET /updates/{id}/events`: the parts of an update's page, sent again whenever they change
//! (server-sent events, HTML §9.2). An event's id is the number of the journal record it shows, so
//! that a page which lost its connection, even to core's own restart, goes on where it was.

use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use axum::extract::{Path, Query};
use axum::http::{HeaderMap, HeaderName};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream, StreamExt};
use newleaf_update::Watch;
use newleaf_update::journal::StepId;
use newleaf_update::view::{Journey, Progress, Report};
use serde::Deserialize;

use super::reader::Reader;
use super::shared::Shared;
use super::update::{journey_of, report_of};
use crate::asset;
use crate::page::run::parts;
use crate::part::names::Names;
use crate::part::step::step;

/// How long a browser waits before it comes back: core restarts in about this time.
const RETRY: Duration = Duration::from_secs(1);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Where a page that begins to follow already is.
#[derive(Debug, Deserialize)]
pub(super) struct From {
    #[serde(default)]
    after: u64,
}

/// The stream of one update.
pub(super) async fn events(
    reader: Reader,
    Path(id): Path<String>,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Response {
    let report = match report_of(&reader, &id).await {
        Ok(report) => report,
        Err(problem) => return reader.answer(Err(problem)),
    };
    let told = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()?.parse().ok());
    let after = told.unwrap_or(from.after);
    let alive = KeepAlive::new().interval(Duration::from_secs(15));
    let names = reader.shared.names().await;
    let plan = journey_of(&reader.shared, &report).await;
    Sse::new(follow(reader.shared, names, (report, plan), after)).keep_alive(alive).into_response()
}

/// Which build answers, then what the page has missed, then what happens.
fn follow(
    shared: Shared,
    names: Names,
    (report, plan): (Report, Option<Journey>),
    after: u64,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let hello = Event::default().event("build").data(asset::BUILD.as_str()).retry(RETRY);
    // That it stands still is no record of its own.
    let has_news = report.seq > after || report.interrupted.is_some();
    let missed = (has_news && report.ending.is_none())
        .then(|| parts_event("parts", &shared, &names, &report, plan.as_ref()));
    let watch = Box::pin(shared.portal.updater.watch(&report.id, report.seq));
    let follower = Follower { shared, names, report, plan, watch };
    stream::iter([Some(hello), missed])
        .filter_map(std::future::ready)
        .chain(stream::unfold(follower, Follower::next))
        .map(Ok)
}

/// One page that follows an update.
struct Follower {
    shared: Shared,
    names: Names,
    report: Report,
    plan: Option<Journey>,
    watch: Pin<Box<dyn Stream<Item = Watch> + Send>>,
}

impl Follower {
    async fn next(mut self) -> Option<(Event, Self)> {
        loop {
            let event = match self.watch.next().await? {
                Watch::Record(_) => self.renewed("parts").await,
                Watch::Ended => self.renewed("over").await,
                Watch::Progress { step, progress } => self.progressed(step, progress),
            };
            if let Some(event) = event {
                return Some((event, self));
            }
        }
    }

    /// The whole page anew. None where the journal cannot be read just now: the next record, or
    /// the next connection, brings what was missed.
    async fn renewed(&mut self, name: &'static str) -> Option<Event> {
        match self.shared.portal.updater.report(&self.report.id).await {
            Ok(report) => self.report = report?,
            Err(error) => {
                tracing::warn!(update = %self.report.id, %error, "a page could not be renewed");
                return None;
            }
        }
        // An app that is installed for the first time gets its name on the way.
        self.names = self.shared.names().await;
        self.plan = journey_of(&self.shared, &self.report).await;
        Some(parts_event(name, &self.shared, &self.names, &self.report, self.plan.as_ref()))
    }

    /// One step anew; has no id, for it can be missed.
    fn progressed(&mut self, id: StepId, progress: Progress) -> Option<Event> {
        let row = self.report.steps.iter_mut().find(|row| row.step == id)?;
        row.progress = Some(progress);
        Some(Event::default().event("parts").data(step(row).into_string()))
    }
}

fn parts_event(
    name: &'static str,
    shared: &Shared,
    names: &Names,
    report: &Report,
    plan: Option<&Journey>,
) -> Event {
    let html = parts(&shared.frame(None).calling(names), report, plan).into_string();
    Event::default().event(name).id(report.seq.to_string()).data(html)
}
