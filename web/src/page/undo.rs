//! Asks before going back to the version before.

use maud::html;
use newleaf_domain::{Target, Timestamp, Version};
use newleaf_update::view::UndoOffer;

use super::{Frame, Page, Place, Refresh};
use crate::gate::SignedIn;
use crate::part::form::token;
use crate::part::icon::{Icon, icon};
use crate::part::{grant, time};

/// What would be undone.
#[derive(Debug)]
pub(crate) struct Undo<'a> {
    /// Core or the app.
    pub(crate) target: &'a Target,
    /// The name people read.
    pub(crate) name: &'a str,
    /// The version that serves.
    pub(crate) from: Option<&'a Version>,
    /// What it would go back to, and what would be lost.
    pub(crate) offer: &'a UndoOffer,
    /// When that version was replaced.
    pub(crate) replaced: Option<Timestamp>,
}

/// Why the page is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AskedBack {
    /// Someone wants to read it.
    Nothing,
    /// Someone said yes to what it showed before.
    AfterItMoved,
}

/// The page.
pub(crate) fn undo(
    frame: &Frame<'_>,
    reader: &SignedIn,
    undo: &Undo<'_>,
    asked: AskedBack,
) -> Page {
    let title = format!("Undo: {} back to {}", undo.name, undo.offer.version);
    frame.page(
        &title,
        Place::Overview,
        Refresh::Never,
        &html! {
            p class="crumb" { a href="/" { "Overview" } }
            h1 { (title) }
            section class="card" {
                @if asked == AskedBack::AfterItMoved {
                    p class="trouble warn-text" role="alert" {
                        (icon(Icon::Warning))
                        span { "Nothing was changed: what Undo does is not what the page showed any more. Read it again." }
                    }
                }
                p {
                    @if let Some(from) = undo.from { "Version " strong { (from) } " serves now. " }
                    "Version " strong { (undo.offer.version) } " is still on this machine"
                    @if let Some(at) = undo.replaced { "; it was replaced on " (time::moment(at)) }
                    "."
                }
                @match &undo.offer.loses {
                    Some(loses) => { p class="trouble bad-text" { (icon(Icon::Warning)) span { "This loses " (loses) "." } } },
                    None => { p class="trouble good-text" { (icon(Icon::Check)) span { "Nothing of the data is lost." } } },
                }
                @if !undo.offer.grants.is_empty() {
                    h2 { "What the app may do then" }
                    (grant::changes(&undo.offer.grants))
                }
                @for app in &undo.offer.left_behind {
                    p class="trouble warn-text" { (icon(Icon::Warning)) span { (app) "." } }
                }
                @if let Some(until) = undo.offer.until {
                    p { "It can be gone back to until " (time::moment(until)) "; then what only it needs is taken away." }
                }
                form class="start" method="post" action={ "/undo/" (undo.target) } {
                    (token(reader))
                    @if let Some(mark) = undo.offer.mark { input type="hidden" name="shown" value=(mark); }
                    div class="buttons" {
                        button type="submit" class="button danger" {
                            (icon(Icon::Back)) "Go back to " (undo.offer.version)
                        }
                        a class="button quiet" href="/" { "Keep it as it is" }
                    }
                }
            }
        },
    )
}
