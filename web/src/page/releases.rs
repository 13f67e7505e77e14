//! Every version of core or of one app: date, size, labels, notes, the channel, and why each can or
//! cannot be installed.

use maud::{Markup, html};
use newleaf_domain::Channel;
use newleaf_update::view::{ChannelView, ReleasesView};

use super::{Frame, Page, Place, Refresh};
use crate::gate::SignedIn;
use crate::part::form::{Look, button, token};
use crate::part::icon::{Icon, icon};
use crate::part::notice;
use crate::part::words::{Tone, sentence};
use crate::part::{candidate, time};

/// What the page is about.
#[derive(Debug)]
pub(crate) struct Releases<'a> {
    /// The name people read.
    pub(crate) name: &'a str,
    /// Every version, newest first.
    pub(crate) view: &'a ReleasesView,
    /// What is followed; none for what is not installed.
    pub(crate) channel: Option<&'a ChannelView>,
}

/// The channels, in the order of the menu.
const CHANNELS: [Channel; 3] = [Channel::Stable, Channel::Beta, Channel::Nightly];

/// The page.
pub(crate) fn releases(frame: &Frame<'_>, reader: &SignedIn, page: &Releases<'_>) -> Page {
    let title = format!("Versions of {}", page.name);
    let view = page.view;
    frame.page(
        &title,
        Place::Overview,
        Refresh::Never,
        &html! {
            p class="crumb" { a href="/" { "Overview" } }
            h1 { (title) }
            p class="lead" {
                "Every version that is signed and listed, and why each one is or is not offered here."
                @if let Some(runs) = &view.version { " " strong { (runs) } " runs." }
            }
            (looked(frame, reader, view))
            @if let Some(why) = &view.blocked { (notice::line(Tone::Warn, &sentence(why))) }
            @if let Some(channel) = page.channel { (channel_card(reader, channel)) }
            @if view.releases.is_empty() {
                p class="card empty" { "No version is known." }
            } @else {
                section class="card" aria-label="Versions" {
                    (candidate::table(reader, page.name, &view.releases))
                }
            }
        },
    )
}

/// How old the list is, and that nobody looks by itself where that is so.
fn looked(frame: &Frame<'_>, reader: &SignedIn, view: &ReleasesView) -> Markup {
    html! {
        section class="freshness" aria-label="Freshness" {
            div {
                @if let Some(since) = view.freshness.off_since {
                    p class="warn-text" { "Checks for updates are off since " (time::day(since)) "." }
                }
                p {
                    @match view.freshness.last_check {
                        Some(at) => { "Looked up " (time::relative(at, frame.now)) "." },
                        None => { "The repository has not been read yet." },
                    }
                }
            }
            (button(reader, "/check", Look::Quiet, "Check now"))
        }
    }
}

fn channel_card(reader: &SignedIn, view: &ChannelView) -> Markup {
    html! {
        section class="card channel" aria-labelledby="channel-title" {
            div class="head" {
                div {
                    h2 id="channel-title" { "Channel" }
                    p class="facts" {
                        "Follows " strong { (view.channel) }
                        @match &view.warning {
                            Some(warning) => { ": " (warning) "." },
                            None => { ", which is for everyone." },
                        }
                    }
                }
                form method="post" action="/channel" class="inline" {
                    (token(reader))
                    input type="hidden" name="target" value=(view.target);
                    label { span class="sr" { "Channel to follow" }
                        select name="channel" {
                            @for channel in CHANNELS {
                                option value=(channel) selected[channel == view.channel] { (channel) }
                            }
                        }
                    }
                    button type="submit" class=(Look::Quiet.class()) { "Follow" }
                }
            }
            @if let Some(stays) = &view.stays {
                p class="trouble" { (icon(Icon::Info)) span { (stays) } }
            }
        }
    }
}
