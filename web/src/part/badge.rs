//! Short labels beside a version: how far it is, security, breaking, channel.

use maud::{Markup, html};
use newleaf_domain::Channel;
use newleaf_domain::version::Step;
use newleaf_update::view::Offer;

use super::words::{Tone, step_word};

/// One label.
pub(crate) fn badge(tone: Tone, text: &str) -> Markup {
    html! { span class={ "badge " (tone.class()) } { (text) } }
}

/// The label of a version's distance; a major step asks for attention.
pub(crate) fn step(step: Step) -> Markup {
    let tone = if step == Step::Major { Tone::Fresh } else { Tone::Plain };
    badge(tone, step_word(step))
}

/// The label of a channel; none for stable, which is what everyone expects.
pub(crate) fn channel(channel: Channel) -> Markup {
    html! { @if channel != Channel::Stable { (badge(Tone::Warn, channel.as_str())) } }
}

/// Security and breaking, in that order.
pub(crate) fn security_and_breaking(security: bool, breaking: bool) -> Markup {
    html! {
        @if security { (badge(Tone::Bad, "security")) }
        @if breaking { (badge(Tone::Warn, "breaking")) }
    }
}

/// All labels of an offer.
pub(crate) fn of_offer(offer: &Offer) -> Markup {
    html! {
        span class="badges" {
            @if let Some(distance) = offer.step { (step(distance)) }
            (security_and_breaking(offer.security, offer.breaking))
            @if offer.asks_more { (badge(Tone::Warn, "asks for more")) }
        }
    }
}
