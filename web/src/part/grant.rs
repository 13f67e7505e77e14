//! What an app may do after a change, compared with today, and why its author asks.

use maud::{Markup, html};
use newleaf_domain::{Grant, GrantChange};

use super::badge::badge;
use super::icon::{Icon, icon};
use super::words::Tone;

/// Each difference with its reason.
pub(crate) fn changes(changes: &[GrantChange]) -> Markup {
    html! {
        ul class="grants" {
            @for change in changes {
                li class=(if change.widens { "grant widens" } else { "grant" }) {
                    p class="what" {
                        (icon(if change.widens { Icon::Up } else { Icon::Check }))
                        span { (sentence(change)) }
                        @if change.widens { (badge(Tone::Warn, "more than today")) }
                    }
                    @if let Some(reason) = &change.reason {
                        p class="why" { "The author’s reason: “" (reason) "”" }
                    }
                }
            }
        }
    }
}

fn sentence(change: &GrantChange) -> Markup {
    html! {
        @match (&change.from, &change.to) {
            (Some(Grant::Storage { quota: from }), Some(Grant::Storage { quota: to })) => {
                "Store up to " b { (to) } ", today " (from)
            },
            (Some(from), Some(to)) => { b { (capital(to)) } ", today: " (from) },
            (None, Some(to)) => { b { (capital(to)) } ", today not allowed" },
            (Some(from), None) => { "Gives up: " (from) },
            (None, None) => { "No difference" },
        }
    }
}

fn capital(grant: &Grant) -> String {
    let text = grant.to_string();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
