//! The recovery page: plain forms, no scripts, the portal's look.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get, post};
use axum::{Extension, Form, Json, Router};
use maud::{Markup, html};
use newleaf_domain::Clock as _;
use newleaf_launcher::Layout;
use newleaf_web::gate::SignedIn;
use newleaf_web::link::{LINK_SECONDS, issue_link, link_path};
use newleaf_web::repair::{self, Again, Reader};
use serde::Deserialize;

use super::order::{Order, order};
use super::story::Story;
use crate::adapter::SystemClock;
use crate::product::Product;
use crate::route::{self, Kind, NewLink, Problem};
use crate::support;
use crate::worker::Control;

/// Who a link lets in, as its session is called.
const ACCOUNT: &str = "recovery";

/// How long after an order the page looks for what came of it: a start takes 30 s at most.
const WAITS: Duration = Duration::from_secs(40);

/// What came of an order.
#[derive(Debug, Clone)]
pub(super) struct Said {
    when: Instant,
    what: Result<&'static str, String>,
}

impl Said {
    /// Whether what was ordered may still come about.
    fn is_awaited(&self) -> bool {
        self.what.is_ok() && self.when.elapsed() < WAITS
    }
}

/// What the handlers share.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) product: &'static Product,
    pub(super) layout: Layout,
    pub(super) control: Control,
    pub(super) door: Arc<repair::Door>,
    /// Where people reach the admin door.
    pub(super) address: Option<String>,
    /// What came of the last order.
    pub(super) said: Mutex<Option<Said>>,
}

/// What every public request is answered with.
pub(super) fn public() -> Router {
    Router::new().fallback(async || {
        let head = [
            (CONTENT_TYPE, "text/plain; charset=utf-8"),
            (RETRY_AFTER, "10"),
            (CACHE_CONTROL, "no-store"),
        ];
        (StatusCode::SERVICE_UNAVAILABLE, head, "The service is being repaired. Try again soon.\n")
    })
}

/// The pages for whoever has a link, and one that tells nothing for everybody else.
pub(super) fn admin(desk: &Arc<Desk>) -> Router {
    let pages = Router::new()
        .route("/recovery/previous", post(start_previous))
        .route("/recovery/again", post(try_again))
        .route("/recovery/support-bundle", get(bundle))
        .fallback(show)
        .with_state(Arc::clone(desk));
    repair::behind(&desk.door, pages)
}

/// `run/admin.sock`: root and the folder's owner get links there, and no part of the API.
pub(super) fn local(desk: &Arc<Desk>, owner: u32) -> Router {
    let links = Router::new()
        .route("/api/v1/recovery-links", post(new_link))
        .fallback(any(nothing_serves))
        .with_state(Arc::clone(desk));
    route::by_peer(links, owner)
}

async fn nothing_serves(State(desk): State<Arc<Desk>>) -> Problem {
    let Story { sentence, reason, said, database, .. } =
        Story::read(desk.product.name, &desk.layout);
    let why = database.map(|fault| format!("newleaf.db: {fault}")).or(said).unwrap_or(reason);
    Problem::new(Kind::Unreachable, format!("ask {}: nothing serves: {why}", desk.product.name))
        .state(format!("the recovery page is open. {sentence}"))
        .todo("open that page by the link that this prints: newleaf recovery-link")
}

async fn new_link(State(desk): State<Arc<Desk>>) -> Result<(StatusCode, Json<NewLink>), Problem> {
    let failed = |why: String| Problem::new(Kind::Failed, format!("make a recovery link: {why}"));
    let Some(address) = &desk.address else {
        return Err(failed("the host has no admin address".to_owned())
            .todo("set listen.admin in newleaf.toml, then restart the service"));
    };
    let issued = issue_link(desk.door.links.as_ref(), ACCOUNT, &SystemClock).await;
    let secret = issued.map_err(|error| failed(newleaf_update::explain::chain(&error)))?;
    let url = format!("{address}{}", link_path(&secret));
    let expires = SystemClock.now().plus_seconds(LINK_SECONDS);
    Ok((StatusCode::CREATED, Json(NewLink { url, expires })))
}

/// The one field of every form here.
#[derive(Debug, Deserialize)]
struct Posted {
    form_token: String,
}

async fn start_previous(
    state: State<Arc<Desk>>,
    reader: Extension<Reader>,
    posted: Form<Posted>,
) -> Response {
    carry_out(state, reader, posted, Order::StartPrevious).await
}

async fn try_again(
    state: State<Arc<Desk>>,
    reader: Extension<Reader>,
    posted: Form<Posted>,
) -> Response {
    carry_out(state, reader, posted, Order::TryAgain).await
}

async fn carry_out(
    State(desk): State<Arc<Desk>>,
    Extension(reader): Extension<Reader>,
    Form(Posted { form_token }): Form<Posted>,
    what: Order,
) -> Response {
    let Some(reader) = reader else { return repair::closed(&desk.door) };
    if !reader.accepts(&form_token) {
        let refused = "the form does not belong to this session; load the page again\n";
        return (StatusCode::FORBIDDEN, refused).into_response();
    }
    let said = order(&desk.control, &desk.layout, what).await;
    tracing::warn!(?what, ?said, "ordered on the recovery page");
    let said = Said { when: Instant::now(), what: said };
    *desk.said.lock().unwrap_or_else(PoisonError::into_inner) = Some(said);
    Redirect::to("/").into_response()
}

async fn bundle(State(desk): State<Arc<Desk>>, Extension(reader): Extension<Reader>) -> Response {
    if reader.is_none() {
        return repair::closed(&desk.door);
    }
    let now = SystemClock.now();
    let name = support::file_name(desk.product.program, now);
    let disposition = format!("attachment; filename=\"{name}\"");
    let head = [(CONTENT_TYPE, "application/x-tar"), (CACHE_CONTROL, "no-store")];
    let archive = support::bundle(desk.product, &desk.layout, now);
    (head, [(CONTENT_DISPOSITION, disposition)], archive).into_response()
}

/// Every other address shows the page: people come from a bookmark of the portal.
async fn show(
    State(desk): State<Arc<Desk>>,
    Extension(reader): Extension<Reader>,
    method: Method,
) -> Response {
    match reader {
        Some(reader) if matches!(method, Method::GET | Method::HEAD) => open(&desk, &reader),
        _ => repair::closed(&desk.door),
    }
}

fn open(desk: &Desk, reader: &SignedIn) -> Response {
    let name = desk.product.name;
    let story = Story::read(name, &desk.layout);
    let said = desk.said.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let awaited = said.as_ref().is_some_and(Said::is_awaited);
    let again = if awaited { Again::Soon } else { Again::WhenAsked };
    let title = match &story.good {
        Some(version) => format!("{name} {version} does not come up"),
        None => format!("{name} does not come up"),
    };
    let content = html! {
        h1 { (title) }
        p class="lead" {
            (story.sentence) " "
            @match again {
                Again::Soon => { "This page looks again every " (repair::AGAIN) " seconds." },
                Again::WhenAsked => a href="/" { "Look\u{a0}again" },
            }
        }
        @match said.map(|said| said.what) {
            Some(Ok(done)) => p class="notice plain" role="status" { (done) },
            Some(Err(why)) => p class="notice bad" role="status" { "Not done: " (why) "." },
            None => {},
        }
        (cause(&story))
        @if story.database.is_some() {
            (lost_database(&story))
            (ways_on(&story, reader))
        } @else {
            (ways_on(&story, reader))
            (last_resort(&story))
        }
        (records(&story))
        (log(&story))
    };
    repair::page(&desk.door, (StatusCode::SERVICE_UNAVAILABLE, again), &title, &content)
}

fn cause(story: &Story) -> Markup {
    html! {
        section class="card failure" aria-labelledby="cause" {
            h2 id="cause" { (repair::warning()) "Why" }
            dl class="lines" {
                @if let Some(fault) = &story.database {
                    dt { "What is wrong" } dd { "newleaf.db: " (fault) }
                }
                dt { "What failed" } dd { (story.reason) }
                @if let Some(said) = &story.said { dt { "It said" } dd { (said) } }
                @if let Some(since) = story.since {
                    dt { "Since" } dd { time datetime=(since) { (readable(since)) } }
                }
                dt { "Your data" } dd { (whole(story)) }
            }
        }
    }
}

const fn whole(story: &Story) -> &'static str {
    match &story.database {
        Some(_) => {
            "Sessions, history and the product's own tables were in that file. What apps keep lies \
             in files of its own and was not touched."
        }
        None => "Nothing was changed or removed by this.",
    }
}

/// `2026-11-21 02:30:00 UTC`
fn readable(at: newleaf_domain::Timestamp) -> String {
    at.to_string().replace('T', " ").replace('Z', " UTC")
}

fn ways_on(story: &Story, reader: &SignedIn) -> Markup {
    let again = story
        .good
        .as_ref()
        .map_or_else(|| "Try again".to_owned(), |version| format!("Try {version} again now"));
    // No version can do without its database.
    let first = if story.database.is_some() { "quiet" } else { "primary" };
    html! {
        section class="card" aria-labelledby="ways" {
            h2 id="ways" { "What you can do here" }
            div class="buttons" {
                @if let Ok(version) = &story.previous {
                    (repair::button(reader, "/recovery/previous", first, &format!("Start the previous version, {version}")))
                }
                (repair::button(reader, "/recovery/again", "quiet", &again))
                a class="button quiet" href="/recovery/support-bundle" download { "Support bundle" }
            }
            @match &story.previous {
                Ok(version) => p class="fine" {
                    "Going back to " (version) " changes the program only; all data stays. It is watched \
                     as every new version is. Once it serves, this page becomes the portal, which asks \
                     you to sign in."
                },
                Err(why) => p class="fine" { "No version before can be started: " (why) "." },
            }
            p class="fine" {
                "The support bundle has state, last records, log and settings, without passwords and \
                 without anyone's data."
            }
        }
    }
}

/// What is done on the machine itself, where the database is lost.
fn lost_database(story: &Story) -> Markup {
    html! {
        section class="card" aria-labelledby="database" {
            h2 id="database" { "Put the database back" }
            @match &story.snapshot {
                Some(kept) => {
                    p {
                        "On the machine: stop the service, put the last snapshot back, start the \
                         service. What was written to newleaf.db since " (readable(kept.at))
                        " is not in it, and everyone is signed out."
                    }
                    (repair::pasted(&kept.command))
                }
                None => p {
                    "There is no snapshot on this machine. With the service stopped, put newleaf.db \
                     back from a backup; the version then comes up by itself."
                },
            }
        }
    }
}

fn last_resort(story: &Story) -> Markup {
    html! {
        section class="card" aria-labelledby="else" {
            h2 id="else" { "If neither helps" }
            p { "Look at the log below: it says what the version missed. A full disk, a wrong owner or \
                 a line of newleaf.toml is mended on the machine, and the version then comes up by itself." }
            @if let Some(kept) = &story.snapshot {
                p {
                    "Where the log says that newleaf.db is damaged, stop the service and put the \
                     snapshot of " (readable(kept.at)) " back:"
                }
                (repair::pasted(&kept.command))
            }
        }
    }
}

fn records(story: &Story) -> Markup {
    html! {
        details class="log" {
            summary { "Last records of the journal (" (story.records.len()) ")" }
            ol {
                @for (at, text) in &story.records { li { time { (readable(*at)) } (text) } }
            }
        }
    }
}

fn log(story: &Story) -> Markup {
    let lines = story.log.lines().collect::<Vec<_>>();
    html! {
        details class="log" open {
            summary { "End of the log (" (lines.len()) " lines, newest first)" }
            ol { @for line in lines.iter().rev() { li { (line) } } }
        }
    }
}
