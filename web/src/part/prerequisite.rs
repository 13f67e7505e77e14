//! Prerequisites: what was measured, and what mends it.

use maud::{Markup, html};
use newleaf_update::view::{Prerequisite, Standing};

use super::command::command;
use super::icon::{Icon, icon};
use super::words::Tone;

/// What becomes of the prerequisites that hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holding {
    /// They stand in the list.
    Listed,
    /// They stand in a part that is folded away: there is nothing to do about them.
    Folded,
}

/// The list, what blocks first.
pub(crate) fn list(prerequisites: &[Prerequisite], holding: Holding) -> Markup {
    let mut ordered: Vec<&Prerequisite> = prerequisites.iter().collect();
    ordered.sort_by_key(|one| std::cmp::Reverse(one.standing));
    let is_listed =
        |one: &&Prerequisite| holding == Holding::Listed || one.standing != Standing::Pass;
    let (listed, folded): (Vec<_>, Vec<_>) = ordered.into_iter().partition(is_listed);
    html! {
        (rows(&listed))
        @if !folded.is_empty() {
            details class="folded" {
                summary { "What was measured" @if !listed.is_empty() { " and holds" } }
                (rows(&folded))
            }
        }
    }
}

fn rows(all: &[&Prerequisite]) -> Markup {
    html! { @if !all.is_empty() { ul class="checks" { @for one in all { (row(one)) } } } }
}

fn row(one: &Prerequisite) -> Markup {
    let (tone, sign, word) = match one.standing {
        Standing::Pass => (Tone::Good, Icon::Check, "holds"),
        Standing::Warn => (Tone::Warn, Icon::Warning, "to be read"),
        Standing::Block => (Tone::Bad, Icon::Cross, "does not hold"),
    };
    html! {
        li class={ "check " (tone.class()) } {
            span class="sign" { (icon(sign)) }
            div {
                p { strong { (one.id.title()) } span class="sr" { ": " (word) } }
                p class="measured" { (one.measured) }
                @if let Some(remedy) = &one.remedy { p class="remedy" { (remedy) } }
                @if let Some(text) = &one.command { (command(text)) }
            }
        }
    }
}

/// Whether all of them let an update start.
pub(crate) fn all_hold(prerequisites: &[Prerequisite]) -> bool {
    prerequisites.iter().all(|one| one.standing != Standing::Block)
}

/// The list in one sentence.
pub(crate) fn summary(prerequisites: &[Prerequisite]) -> String {
    let count = |wanted| prerequisites.iter().filter(|one| one.standing == wanted).count();
    match (count(Standing::Block), count(Standing::Warn), prerequisites.len()) {
        (0, 0, all) => format!("All {all} hold."),
        (0, warned, all) => format!("All {all} hold, {warned} with something to read."),
        (1, _, _) => "One does not hold; mend it, then check again.".to_owned(),
        (blocked, _, _) => format!("{blocked} do not hold; mend them, then check again."),
    }
}
