//! The question before core or an app follows a channel that is not for everyone.

use maud::html;
use newleaf_domain::{Channel, Target};

use super::{Frame, Page, Place, Refresh};
use crate::gate::SignedIn;
use crate::part::form::{Look, token};
use crate::part::notice;
use crate::part::words::{Tone, sentence};

/// The page.
pub(crate) fn channel(
    frame: &Frame<'_>,
    reader: &SignedIn,
    target: &Target,
    channel: Channel,
    warning: &str,
) -> Page {
    let title = format!("Follow the {channel} channel?");
    let name = frame.name_of(target);
    frame.page(
        &title,
        Place::Overview,
        Refresh::Never,
        &html! {
            p class="crumb" { a href={ "/releases/" (target) } { "Versions of " (name) } }
            h1 { (title) }
            (notice::line(Tone::Warn, &sentence(warning)))
            p { (name) " will then be offered " (channel) " releases. What runs now is not changed by it." }
            form class="start" method="post" action="/channel" {
                (token(reader))
                input type="hidden" name="target" value=(target);
                input type="hidden" name="channel" value=(channel);
                input type="hidden" name="sure" value="yes";
                div class="buttons" {
                    button type="submit" class=(Look::Primary.class()) { "Follow " (channel) }
                    a class=(Look::Quiet.class()) href={ "/releases/" (target) } { "Not now" }
                }
            }
        },
    )
}
