//! What an app may do after a change, compared with today, and why its author asks.

use maud::{Markup, html};
use newleaf_domain::{Difference, Grant, GrantChange, Grants};

use super::badge::badge;
use super::icon::{Icon, icon};
use super::words::Tone;

/// Each difference with its reason, what needs a yes before what does not.
pub(crate) fn changes(changes: &[GrantChange]) -> Markup {
    let mut ordered = changes.iter().collect::<Vec<_>>();
    ordered.sort_by_key(|change| !change.difference().needs_consent());
    html! {
        ul class="grants" {
            @for change in ordered {
                @let difference = change.difference();
                li class=(if difference.needs_consent() { "grant widens" } else { "grant" }) {
                    p class="what" {
                        (icon(sign(difference)))
                        span { (sentence(change)) }
                        (badge(tone(difference), difference.word()))
                    }
                    @if let Some(caution) = caution(change) {
                        p class="why warn-text" { "Careful: " (caution) "." }
                    }
                    @if let Some(reason) = &change.reason {
                        p class="why" { "The author’s reason: “" bdi { (reason) } "”" }
                    } @else if difference.needs_consent() {
                        p class="why" { "The author’s reason cannot be read just now." }
                    }
                }
            }
        }
    }
}

/// What stays allowed as it is today, folded away.
pub(crate) fn unchanged(grants: &Grants, changes: &[GrantChange]) -> Markup {
    let kept = grants.unchanged_by(changes).collect::<Vec<_>>();
    html! {
        @if !kept.is_empty() {
            details class="folded" {
                summary {
                    @if kept.len() == 1 { "1 permission stays as it is" }
                    @else { (kept.len()) " permissions stay as they are" }
                }
                ul class="grants" {
                    @for grant in kept {
                        li class="grant" { p class="what" { (icon(Icon::Check)) span { (capital(grant)) } } }
                    }
                }
            }
        }
    }
}

/// What an installed app may do.
pub(crate) fn all(grants: &Grants) -> Markup {
    html! {
        ul class="grants" {
            @for grant in grants.iter() {
                li class="grant" { p class="what" { (icon(Icon::Check)) span { (capital(grant)) } } }
            }
        }
    }
}

/// What to bear in mind before saying yes to more than today.
fn caution(change: &GrantChange) -> Option<&'static str> {
    change.to.as_ref().filter(|_| change.difference().needs_consent()).and_then(Grant::caution)
}

const fn sign(difference: Difference) -> Icon {
    match difference {
        Difference::New | Difference::Wider => Icon::Up,
        Difference::Narrower => Icon::Check,
        Difference::Gone => Icon::Skip,
    }
}

const fn tone(difference: Difference) -> Tone {
    match difference {
        Difference::New | Difference::Wider => Tone::Warn,
        Difference::Narrower | Difference::Gone => Tone::Good,
    }
}

fn sentence(change: &GrantChange) -> Markup {
    html! {
        @match (&change.from, &change.to) {
            (Some(Grant::Storage { quota: from }), Some(Grant::Storage { quota: to })) => {
                "Store up to " b { (to) } ", today " (from)
            },
            (Some(from), Some(to)) => { b { (capital(to)) } ", today: " (from) },
            (None, Some(to)) => { b { (capital(to)) } },
            (Some(from), None) => { "No longer: " (from) },
            (None, None) => { "No difference" },
        }
    }
}

/// A permission as the beginning of a sentence.
pub(crate) fn capital(grant: &Grant) -> String {
    let text = grant.to_string();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
