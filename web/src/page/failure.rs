//! Pages that say no, each with where to go from there.

use maud::html;
use newleaf_update::FourLines;
use newleaf_update::view::StalePlan;

use super::{Frame, Page, Place, Refresh};
use crate::part::four_lines::four_lines;
use crate::part::words::hop;

/// A refusal in a sentence, with one way on.
pub(crate) fn failure(frame: &Frame<'_>, title: &str, why: &str, onward: (&str, &str)) -> Page {
    let (href, label) = onward;
    frame.page(
        title,
        Place::Elsewhere,
        Refresh::Never,
        &html! {
            section class="card door" {
                h1 { (title) }
                p { (why) }
                p { a class="button primary" href=(href) { (label) } }
            }
        },
    )
}

/// Something that was tried and failed.
pub(crate) fn failed(frame: &Frame<'_>, title: &str, lines: &FourLines) -> Page {
    frame.page(
        title,
        Place::Elsewhere,
        Refresh::Never,
        &html! {
            p class="crumb" { a href="/" { "Overview" } }
            h1 { (title) }
            (four_lines(lines))
            div class="buttons" { a class="button primary" href="/" { "Back to the overview" } }
        },
    )
}

/// A plan that can no longer be carried out, with the one that takes its place.
pub(crate) fn stale(frame: &Frame<'_>, stale: &StalePlan) -> Page {
    let name = frame.name_of(&stale.target);
    frame.page(
        "This plan is out of date",
        Place::Overview,
        Refresh::Never,
        &html! {
            section class="card door" {
                h1 { "This plan is out of date" }
                p { "Nothing was started: " (stale.why) "." }
                @match &stale.replacement {
                    Some(plan) => {
                        @for change in &plan.changes {
                            p { "The plan now: " strong { (name) " " (hop(change.from.as_ref(), &change.to)) } }
                        }
                        p { a class="button primary" href={ "/plans/" (plan.id) } { "See the new plan" } }
                    },
                    None => {
                        p { "There is nothing to do for " (name) " any more." }
                        p { a class="button primary" href="/" { "Back to the overview" } }
                    },
                }
            }
        },
    )
}
