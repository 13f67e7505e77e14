//! Before a session: a link that asks for a click, a link that signs nobody in, and no link at all.

use maud::{Markup, html};

use super::{Frame, Page, Place, Refresh};
use crate::part::command::command;
use crate::part::icon::{Icon, icon};
use crate::part::words::Tone;
use crate::store::LinkStanding;

const COMMAND: &str = "newleaf sign-in-link";

/// Asks for a click, so that programs that preview links do not use them up.
pub(crate) fn confirm(frame: &Frame<'_>, path: &str, account: &str) -> Page {
    frame.page(
        "Sign in",
        Place::Elsewhere,
        Refresh::Never,
        &html! {
            section class="card door" {
                div class="door-mark" { (icon(Icon::Leaf)) }
                h1 { "Sign in to " (frame.product.name) }
                p { "This link signs you in as " strong { (account) } ", once." }
                form method="post" action=(path) {
                    button type="submit" class="button primary wide" autofocus { "Sign in" }
                }
            }
        },
    )
}

/// Says why a link signs nobody in, and how to get one that does.
pub(crate) fn link_refused(frame: &Frame<'_>, standing: &LinkStanding) -> Page {
    let (title, why) = match standing {
        LinkStanding::Used => (
            "This link has been used",
            "Each sign-in link works once. If it was not you who used it, someone else has read it: \
             look at the history after signing in.",
        ),
        LinkStanding::Expired => {
            ("This link is too old", "Sign-in links work for 15 minutes after they are made.")
        }
        LinkStanding::Unknown | LinkStanding::Usable { .. } => (
            "This link is not known here",
            "It may have been cut off when it was copied, or belong to another host.",
        ),
    };
    door(frame, title, &html! { p { (why) } (how_to()) })
}

/// What a visitor without a session sees instead of any page.
pub(crate) fn signed_out(frame: &Frame<'_>, path: &str) -> Page {
    door(
        frame,
        "Please sign in",
        &html! {
            p { "Your session is over, or you came here from another site." }
            (how_to())
            p class="after" { "Signed in already? " a href=(path) { "Open the page again" } }
        },
    )
}

fn how_to() -> Markup {
    html! {
        p { "On the machine itself, this prints a new sign-in link:" }
        (command(COMMAND))
    }
}

fn door(frame: &Frame<'_>, title: &str, content: &Markup) -> Page {
    frame.page(
        title,
        Place::Elsewhere,
        Refresh::Never,
        &html! {
            section class="card door" {
                div class={ "door-mark " (Tone::Plain.class()) } { (icon(Icon::Leaf)) }
                h1 { (title) }
                (content)
            }
        },
    )
}
