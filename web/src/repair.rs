//! What the recovery page borrows from the portal: its frame and files, its gate, its links.
//! Knows nothing of what is repaired, and needs neither an updater nor a database.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Extension, Router};
use maud::{DOCTYPE, Markup, html};

use crate::asset;
use crate::cookie;
use crate::gate::{FORM_TOKEN, Gate, SignedIn};
use crate::link::{self, Redeemed, SESSION_SECONDS};
use crate::origin::Origin;
use crate::part::command::command;
use crate::part::icon::{Icon, icon};
use crate::product::ProductFace;
use crate::route::headers;
use crate::store::LinkStore;
use crate::token::Secret;

/// Seconds after which a page that waits loads itself again, and a visitor may.
pub const AGAIN: u32 = 5;

/// The most a form may hold: a token.
const MAX_FORM: usize = 4 * 1024;

/// The door of a recovery page: who may come in, and how.
#[derive(Debug)]
pub struct Door {
    /// What is repaired.
    pub product: ProductFace,
    /// Which addresses it answers at, and who is in.
    pub gate: Gate,
    /// The links that let someone in, once each.
    pub links: Arc<dyn LinkStore>,
}

/// Whether a page loads itself again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// Every [`AGAIN`] seconds: its reader waits, and has nothing to read meanwhile.
    Soon,
    /// When its reader asks for it: a page must not change under one who reads it (WCAG 2.2 §3.2.5).
    WhenAsked,
}

/// Who reads a page; nobody without a link.
pub type Reader = Option<SignedIn>;

/// `pages`, with the portal's files, `/sign-in/{secret}` and the gate around them. Handlers find
/// a [`Reader`] among the request's extensions.
pub fn behind(door: &Arc<Door>, pages: Router) -> Router {
    let own = Router::new()
        .route("/assets/{name}", get(asset::serve))
        .route("/sign-in/{secret}", get(confirm).post(redeem))
        .with_state(Arc::clone(door));
    own.merge(pages)
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .layer(middleware::from_fn_with_state(Arc::clone(door), guard))
}

async fn guard(State(door): State<Arc<Door>>, mut request: Request, next: Next) -> Response {
    let mut response = match letting_in(&door, &mut request).await {
        Ok(()) => next.run(request).await,
        Err(refused) => refused,
    };
    headers(response.headers_mut());
    response
}

async fn letting_in(door: &Door, request: &mut Request) -> Result<(), Response> {
    let (parts, body) = std::mem::take(request).into_parts();
    let refused = |why: String| (StatusCode::FORBIDDEN, format!("{why}\n")).into_response();
    let origin = door.gate.admit(&parts).map_err(|why| refused(why.to_string()))?.clone();
    let reader = door.gate.who(&origin, &parts.headers).await;
    let reader: Reader = reader.map_err(|error| refused(error.to_string()))?;
    *request = Request::from_parts(parts, body);
    request.extensions_mut().insert(origin);
    request.extensions_mut().insert(reader);
    Ok(())
}

/// Asks for a click, so that programs that preview links do not use them up.
async fn confirm(State(door): State<Arc<Door>>, Path(text): Path<String>) -> Response {
    let Some(secret) = Secret::parse(&text) else { return no_such_link(&door) };
    match door.links.look(&secret.key(), door.gate.clock.now()).await {
        Ok(crate::store::LinkStanding::Usable { .. }) => {
            let name = &door.product.name;
            let content = html! {
                p { "This link opens the recovery page once, in this browser." }
                form method="post" action=(link::link_path(&secret)) {
                    button type="submit" class="button primary wide" autofocus { "Open it" }
                }
            };
            let title = format!("Repair {name}");
            narrow(&door, (StatusCode::OK, Again::WhenAsked), &title, &content)
        }
        Ok(_) | Err(_) => no_such_link(&door),
    }
}

async fn redeem(
    State(door): State<Arc<Door>>,
    Extension(origin): Extension<Origin>,
    Path(text): Path<String>,
) -> Response {
    let Some(secret) = Secret::parse(&text) else { return no_such_link(&door) };
    let (gate, now) = (&door.gate, door.gate.clock.now());
    match link::redeem(door.links.as_ref(), gate.sessions.as_ref(), &secret, now).await {
        Ok(Redeemed::SignedIn(session)) => {
            tracing::info!("someone opened the recovery page by a link");
            let mut response = Redirect::to("/").into_response();
            if let Some(cookie) = cookie::set(&origin, &session, SESSION_SECONDS) {
                response.headers_mut().insert(header::SET_COOKIE, cookie);
            }
            response
        }
        Ok(Redeemed::Refused(_)) | Err(_) => no_such_link(&door),
    }
}

fn no_such_link(door: &Door) -> Response {
    let content = html! {
        p { "Each link works once, for 15 minutes, while the product is being repaired." }
        p { "On the machine itself, this prints a new one:" }
        (command("newleaf recovery-link"))
    };
    let how = (StatusCode::GONE, Again::WhenAsked);
    narrow(door, how, "This link opens nothing any more", &content)
}

/// What everybody sees who has no link: no word of why.
pub fn closed(door: &Door) -> Response {
    let content = html! {
        p { "It serves again as soon as it can; this page looks every few seconds." }
        p { "Do you look after this machine? There, this prints a link to its recovery page:" }
        (command("newleaf recovery-link"))
    };
    let title = format!("{} is being repaired", door.product.name);
    narrow(door, (StatusCode::SERVICE_UNAVAILABLE, Again::Soon), &title, &content)
}

fn narrow(door: &Door, how: (StatusCode, Again), title: &str, content: &Markup) -> Response {
    let card = html! {
        section class="card door" {
            div class="door-mark" { (icon(Icon::Leaf)) }
            h1 { (title) }
            (content)
        }
    };
    page(door, how, title, &card)
}

/// A whole page.
pub fn page(
    door: &Door,
    (status, again): (StatusCode, Again),
    title: &str,
    content: &Markup,
) -> Response {
    let product = &door.product;
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (title) " · " (product.name) }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href=(asset::ICON.path) type="image/svg+xml";
                link rel="stylesheet" href=(asset::STYLE.path);
                @if again == Again::Soon { meta http-equiv="refresh" content=(AGAIN); }
            }
            body {
                a class="skip" href="#main" { "Skip to content" }
                header class="top" {
                    div class="bar" {
                        a class="brand" href="/" { (icon(Icon::Leaf)) span { (product.name) } }
                        span class="badge bad" { "recovery" }
                    }
                }
                main id="main" tabindex="-1" { (content) }
            }
        }
    };
    let mut response = (status, Html(document.into_string())).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(AGAIN));
    }
    response
}

/// A form of one button, bound to the reader's session.
pub fn button(reader: &SignedIn, action: &str, class: &str, label: &str) -> Markup {
    html! {
        form method="post" action=(action) {
            input type="hidden" name=(FORM_TOKEN) value=(reader.form_token());
            button type="submit" class={ "button " (class) } { (label) }
        }
    }
}

/// A command ready to paste.
pub fn pasted(text: &str) -> Markup {
    command(text)
}

/// The sign of something that failed.
pub fn warning() -> Markup {
    icon(Icon::Warning)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http_body_util::BodyExt as _;
    use newleaf_update::port::fake::World;
    use tower::ServiceExt as _;

    use super::*;
    use crate::markup;
    use crate::origin::OriginPolicy;
    use crate::sample;
    use crate::store::{MemoryLinks, MemorySessions};

    fn door() -> Arc<Door> {
        let gate = Gate {
            sessions: Arc::new(MemorySessions::default()),
            origins: OriginPolicy::loopback(8081),
            clock: World::new().clock,
        };
        Arc::new(Door { product: sample::product(), gate, links: Arc::new(MemoryLinks::default()) })
    }

    async fn get(door: &Arc<Door>, path: &str) -> (StatusCode, String) {
        let shut = Arc::clone(door);
        let pages = Router::new().fallback(move || async move { closed(&shut) });
        let request = Request::get(path).header("host", "127.0.0.1:8081").body(Body::empty());
        let answer = behind(door, pages).oneshot(request.unwrap()).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn the_doors_of_the_recovery_page_can_be_used_without_seeing_them() {
        let door = door();
        let issued = link::issue_link(door.links.as_ref(), "recovery", door.gate.clock.as_ref());
        let link = link::link_path(&issued.await.unwrap());
        for (path, status, loads_itself) in [
            ("/", StatusCode::SERVICE_UNAVAILABLE, true),
            (link.as_str(), StatusCode::OK, false),
            ("/sign-in/00", StatusCode::GONE, false),
        ] {
            let (found, text) = get(&door, path).await;
            assert_eq!(found, status, "{path}: {text}");
            assert_eq!(markup::faults(&text), Vec::<String>::new(), "{path}");
            assert_eq!(text.contains("http-equiv=\"refresh\""), loads_itself, "{path}");
        }
    }
}
