//! The history: one line for each update.

use maud::{Markup, html};
use newleaf_domain::Target;
use newleaf_update::state::Way;
use newleaf_update::view::HistoryEntry;

use super::{Frame, Page, Place, Refresh};
use crate::part::words::{Tone, ending_tone, ending_word, hop, sentence};
use crate::part::{badge, time};

/// The page: of core or one app where `of` names it, else of everything.
pub(crate) fn history(frame: &Frame<'_>, of: Option<&Target>, entries: &[HistoryEntry]) -> Page {
    let title = match of {
        Some(target) => format!("History of {}", frame.name_of(target)),
        None => "History".to_owned(),
    };
    frame.page(
        &title,
        Place::History,
        Refresh::Never,
        &html! {
            @if of.is_some() { p class="crumb" { a href="/history" { "History" } } }
            h1 { (title) }
            @if entries.is_empty() {
                p class="card empty" { "Nothing has been updated yet." }
            } @else {
                ul class="card entries" { @for entry in entries { (row(frame, entry)) } }
            }
        },
    )
}

fn row(frame: &Frame<'_>, entry: &HistoryEntry) -> Markup {
    let target = &entry.target;
    let what = match (target.way, &target.from) {
        (Way::Back, _) => "Undo",
        (Way::Forward, None) => "Install",
        (Way::Forward, Some(_)) => "Update",
    };
    html! {
        li class="entry" {
            div class="head" {
                p {
                    a href={ "/updates/" (entry.id) } {
                        (what) " " strong { bdi { (frame.name_of(&target.target)) } } " "
                        span class="version" { (hop(target.from.as_ref(), &target.to)) }
                    }
                }
                @match entry.ending {
                    Some(ending) => {
                        (badge::badge(ending_tone(ending), ending_word(ending, target.way)))
                    },
                    None => { (badge::badge(Tone::Fresh, "running")) },
                }
            }
            @if let Some(reason) = &entry.reason { p class="reason" { bdi { (sentence(reason)) } } }
            p class="facts" {
                @if let Some(id) = frame.id_beside(&target.target) { code { (id) } " · " }
                (time::moment(entry.began)) " · " (entry.by)
                @if let Some(ended) = entry.ended {
                    " · " (time::took(ended.seconds_since(entry.began)))
                }
            }
        }
    }
}
