//! What the repository offers that is not installed, each with the way to its plan.

use maud::{Markup, html};
use newleaf_domain::Target;
use newleaf_update::TrustLevel;
use newleaf_update::view::ShelfRow;

use super::{Frame, Page, Place, Refresh};
use crate::gate::SignedIn;
use crate::part::form::{Look, button, plan_button};
use crate::part::icon::{Icon, icon};
use crate::part::words::Tone;
use crate::part::{badge, candidate, time};

/// The page.
pub(crate) fn apps(frame: &Frame<'_>, reader: &SignedIn, shelf: &[ShelfRow]) -> Page {
    frame.page(
        "Install an app",
        Place::Overview,
        Refresh::Never,
        &html! {
            p class="crumb" { a href="/" { "Overview" } }
            h1 { "Install an app" }
            p class="lead" {
                "What the repository has signed and this host does not have. "
                "The next page shows what an app may do, before anything is changed."
            }
            @if shelf.is_empty() {
                p class="card empty" { "The repository offers no app that is not installed already." }
            } @else {
                ul class="cards" { @for app in shelf { (card(reader, app)) } }
            }
        },
    )
}

fn card(reader: &SignedIn, app: &ShelfRow) -> Markup {
    html! {
        li class="card subject" {
            div class="head" {
                div {
                    h2 { bdi { (app.name) } }
                    @if !app.summary.is_empty() { p class="summary" { bdi { (app.summary) } } }
                    p class="facts" {
                        code { (app.id) }
                        @if let Some(level) = app.level { " · " (author(level)) }
                    }
                }
                (action(reader, app))
            }
            @if app.offer.is_none() { (why_not(app)) }
            (kept(reader, app))
        }
    }
}

/// Data that the app left when it was removed.
fn kept(reader: &SignedIn, app: &ShelfRow) -> Markup {
    let in_place = app.kept.iter().any(|it| it.until.is_none());
    let aside = app.kept.iter().find_map(|it| it.until).filter(|_| !in_place);
    html! {
        @if in_place {
            p class="trouble good-text" {
                (icon(Icon::Check)) span { "Data from before is kept here: an installation goes on with it." }
            }
        }
        @if let Some(until) = aside {
            div class="freshness" {
                div { p { "It was removed with its data, which is set aside until " (time::moment(until)) "." } }
                (button(reader, &format!("/apps/{}/put-back", app.id), Look::Quiet, "Put the data back"))
            }
        }
    }
}

/// Who vouches for the author, in words.
fn author(level: TrustLevel) -> Markup {
    match level {
        TrustLevel::Claimed => html! {
            (badge::badge(Tone::Good, "claimed author")) " The repository’s admins vouch for who signs it."
        },
        TrustLevel::Fresh => html! {
            (badge::badge(Tone::Warn, "new author")) " Nobody has vouched for who signs it yet."
        },
    }
}

fn action(reader: &SignedIn, app: &ShelfRow) -> Markup {
    let target = Target::App(app.id.clone());
    html! {
        @if let Some(offer) = &app.offer {
            div class="action" {
                (plan_button(
                    reader, &target, None, Look::Primary, "Install",
                    &format!("Install {} {}", app.name, offer.version),
                ))
                p class="offer" {
                    span class="version" { (offer.version) } span class="size" { (offer.length) }
                }
            }
        }
    }
}

/// Why no release of the app can be installed here: the reasons of the two newest.
fn why_not(app: &ShelfRow) -> Markup {
    let held: Vec<_> = candidate::held_back(&app.candidates).take(2).collect();
    html! {
        ul class="held" {
            @for (one, reason) in &held {
                li { (icon(Icon::Info)) span { strong { (one.version) } " is not offered: " (reason) } }
            }
            @if held.is_empty() {
                li { (icon(Icon::Info)) span { "No release of it runs on this machine." } }
            }
        }
    }
}
