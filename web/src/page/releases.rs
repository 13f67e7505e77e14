//! All releases of core or of one app, each with the reason why it is or is not offered.

use maud::html;
use newleaf_update::plan::Candidate;

use super::{Frame, Page, Place, Refresh};
use crate::gate::SignedIn;
use crate::part::candidate;

/// What the page is about.
#[derive(Debug)]
pub(crate) struct Releases<'a> {
    /// The name people read.
    pub(crate) name: &'a str,
    /// Every release that was looked at, newest first.
    pub(crate) candidates: &'a [Candidate],
    /// Why nothing can be learnt, where that is so.
    pub(crate) blocked: Option<&'a str>,
}

/// The page.
pub(crate) fn releases(frame: &Frame<'_>, reader: &SignedIn, view: &Releases<'_>) -> Page {
    let title = format!("Releases of {}", view.name);
    frame.page(
        &title,
        Place::Overview,
        Refresh::Never,
        &html! {
            p class="crumb" { a href="/" { "Overview" } }
            h1 { (title) }
            p class="lead" { "What the repository has signed, and why each one is or is not offered here." }
            @if let Some(why) = view.blocked { p class="card warn-text" { (why) } }
            @if view.candidates.is_empty() {
                p class="card empty" { "No release is known." }
            } @else {
                div class="card" { (candidate::table(reader, view.name, view.candidates)) }
            }
        },
    )
}
