//! One installed app: how it stands, what it may do, what was done to it, and the way out.

use std::time::Duration;

use maud::{Markup, html};
use newleaf_domain::Target;
use newleaf_update::view::{AppRow, HistoryEntry};

use super::{Frame, Page, Place, Refresh};
use crate::gate::SignedIn;
use crate::part::form::{Look, button, plan_button, token};
use crate::part::icon::{Icon, icon};
use crate::part::words::{Tone, ending_tone, ending_word, hop};
use crate::part::{badge, grant, notice, time};

/// Updates that the page names; the history names all.
const NAMED: usize = 5;

/// What the page shows.
#[derive(Debug)]
pub(crate) struct AppPage<'a> {
    /// The app.
    pub(crate) row: &'a AppRow,
    /// Its updates, newest first.
    pub(crate) history: &'a [HistoryEntry],
    /// Whether its removal was tried without an answer on its data.
    pub(crate) removal: Removal,
    /// How long the data of a removed app is set aside.
    pub(crate) removed_for: Duration,
}

/// Whether the reader comes back from a removal that was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Removal {
    /// They do not.
    NotAsked,
    /// What becomes of the data was not said.
    WithoutAnswer,
}

/// The page.
pub(crate) fn app(frame: &Frame<'_>, reader: &SignedIn, page: &AppPage<'_>) -> Page {
    let row = page.row;
    frame.page(
        &row.name,
        Place::Overview,
        Refresh::Never,
        &html! {
            p class="crumb" { a href="/" { "Overview" } }
            h1 { bdi { (row.name) } }
            @if !row.summary.is_empty() { p class="lead" { bdi { (row.summary) } } }
            @if page.removal == Removal::WithoutAnswer {
                (notice::line(Tone::Bad, "Nothing was removed: say below what becomes of its data."))
            }
            (standing(frame, reader, row))
            (permissions(row))
            (updates(page.history))
            (removal(reader, page))
        },
    )
}

fn standing(frame: &Frame<'_>, reader: &SignedIn, row: &AppRow) -> Markup {
    let target = Target::App(row.id.clone());
    html! {
        section class="card subject" aria-labelledby="standing-title" {
            div class="head" {
                div {
                    h2 id="standing-title" class="versions" {
                        @match &row.version {
                            Some(version) => { "Version " span class="version" { (version) } },
                            None => { "Not loaded" },
                        }
                        " "
                        @if row.serving { (badge::badge(Tone::Good, "serving")) }
                        @else if row.disabled { (badge::badge(Tone::Plain, "switched off")) }
                        @else { (badge::badge(Tone::Bad, "not serving")) }
                    }
                    p class="facts" { code { (row.id) } }
                }
                div class="action" {
                    @if row.disabled || !row.serving {
                        (button(reader, &format!("/apps/{}/enable", row.id), Look::Primary, "Switch on"))
                    } @else {
                        (button(reader, &format!("/apps/{}/disable", row.id), Look::Quiet, "Switch off"))
                    }
                }
            }
            @if let Some(why) = row.stopped.as_ref().filter(|_| !row.serving) {
                p class="trouble bad-text" { (icon(Icon::Cross)) span { "Not serving: " (why) } }
            }
            @if row.disabled {
                p class="facts" { "It stays off through updates, undo and restarts of the host, until it is switched on here." }
            }
            @if let Some(offer) = &row.offer {
                div class="buttons" {
                    (plan_button(
                        reader, &target, None, Look::Primary,
                        &format!("Update to {}", offer.version),
                        &format!("Update {} to {}", row.name, offer.version),
                    ))
                    (badge::of_offer(offer))
                }
                @if let Some(waits) = &offer.waits_for {
                    p class="facts" { "Waits for you: " (waits) "." }
                }
            }
            p class="foot" {
                @if let Some(address) = frame.product.apps.url(&row.id).filter(|_| row.serving) {
                    a href=(address) { "Open " (row.name) }
                }
                a href={ "/releases/" (row.id) } { "All versions" }
                @if let Some(undo) = &row.undo {
                    a href={ "/undo/" (row.id) } { "Undo: back to " (undo.version) }
                }
            }
        }
    }
}

fn permissions(row: &AppRow) -> Markup {
    html! {
        section class="card" aria-labelledby="grants-title" {
            h2 id="grants-title" { "What it may do" }
            @if row.grants.iter().next().is_none() {
                p class="facts" { "Nothing but answer requests: it keeps nothing and talks to nobody." }
            } @else {
                (grant::all(&row.grants))
            }
        }
    }
}

fn updates(history: &[HistoryEntry]) -> Markup {
    html! {
        @if !history.is_empty() {
            section class="card" aria-labelledby="updates-title" {
                h2 id="updates-title" { "Its updates" }
                ul class="entries" {
                    @for entry in history.iter().take(NAMED) {
                        li class="entry" {
                            div class="head" {
                                a href={ "/updates/" (entry.id) } {
                                    span class="version" { (hop(entry.target.from.as_ref(), &entry.target.to)) }
                                }
                                @if let Some(ending) = entry.ending {
                                    (badge::badge(ending_tone(ending), ending_word(ending, entry.target.way)))
                                } @else { (badge::badge(Tone::Fresh, "running")) }
                            }
                            p class="facts" { (time::moment(entry.began)) " · " (entry.by) }
                        }
                    }
                }
            }
        }
    }
}

fn removal(reader: &SignedIn, page: &AppPage<'_>) -> Markup {
    let row = page.row;
    let days = page.removed_for.as_secs().div_ceil(24 * 60 * 60);
    html! {
        section class="card" aria-labelledby="removal-title" {
            h2 id="removal-title" { "Remove it" }
            @if !row.needed_by.is_empty() {
                p class="trouble warn-text" {
                    (icon(Icon::Warning))
                    span {
                        "It is needed by "
                        @for (at, app) in row.needed_by.iter().enumerate() {
                            @if at > 0 { ", " }
                            a href={ "/apps/" (app) } { (app) }
                        }
                        ": remove that first."
                    }
                }
            } @else {
                form class="start" method="post" action={ "/apps/" (row.id) "/remove" } {
                    (token(reader))
                    fieldset class="choice" {
                        legend { "What becomes of its data?" }
                        label {
                            input type="radio" name="data" value="keep" required;
                            span { strong { "Keep it" } " on this machine: the next installation of " (row.name) " goes on with it." }
                        }
                        label {
                            input type="radio" name="data" value="delete" required;
                            span {
                                strong { "Delete it" } ": it is set aside for "
                                @if days == 1 { "1 day" } @else { (days) " days" }
                                ", in which it can be put back, and is then gone for good."
                            }
                        }
                    }
                    div class="buttons" {
                        button type="submit" class="button danger" { "Remove " (row.name) }
                    }
                }
            }
        }
    }
}
