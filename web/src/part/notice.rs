//! Notices: what a person must read before anything else.

use maud::{Markup, html};
use newleaf_update::view::{Notice, Severity};

use super::command::command;
use super::icon::{Icon, icon};
use super::words::Tone;

/// Notices, the worst first.
pub(crate) fn notices(notices: &[Notice]) -> Markup {
    let mut ordered: Vec<&Notice> = notices.iter().collect();
    ordered.sort_by_key(|notice| std::cmp::Reverse(notice.severity));
    html! {
        @if !ordered.is_empty() {
            section class="notices" aria-label="Read first" {
                @for one in ordered { (notice(one)) }
            }
        }
    }
}

fn notice(notice: &Notice) -> Markup {
    html! {
        div class={ "notice " (Tone::from(notice.severity).class()) } {
            (icon(match notice.severity {
                Severity::Info => Icon::Info,
                Severity::Warning | Severity::Error => Icon::Warning,
            }))
            div {
                p { strong { (notice.text) } }
                @if let Some(todo) = &notice.todo { p { (todo) } }
                @if let Some(text) = &notice.command { (command(text)) }
                @if let Some(update) = &notice.update {
                    p { a href={ "/updates/" (update) } { "See what happened" } }
                }
            }
        }
    }
}

/// One line of a given tone, for answers of the page itself.
pub(crate) fn line(tone: Tone, text: &str) -> Markup {
    let sign = if tone == Tone::Good { Icon::Check } else { Icon::Warning };
    html! { div class={ "notice " (tone.class()) } role="alert" { (icon(sign)) div { p { (text) } } } }
}
