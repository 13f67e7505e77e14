//! Releases that were looked at: which can be installed, and why the others cannot.

use maud::{Markup, html};
use newleaf_update::Skip;
use newleaf_update::plan::{Age, Candidate, Reason, Verdict};
use newleaf_update::view::ReleaseRow;

use super::badge;
use super::form::{Look, plan_button, skip_button};
use super::notes;
use super::time;
use super::words::Tone;
use crate::gate::SignedIn;

/// Every version with its labels, its notes and its verdict; a button where it can be planned.
pub(crate) fn table(reader: &SignedIn, name: &str, releases: &[ReleaseRow]) -> Markup {
    html! {
        ul class="releases" {
            @for row in releases {
                @let one = &row.candidate;
                li class="release" {
                    div class="head" {
                        strong class="version" { (one.version) }
                        span class="badges" {
                            @match (one.age, one.step) {
                                (Age::Same, _) => { (badge::badge(Tone::Good, "installed")) },
                                (Age::Newer | Age::Older, Some(step)) => { (badge::step(step)) },
                                (Age::Newer | Age::Older, None) => {},
                            }
                            @if one.age == Age::Older { (badge::badge(Tone::Plain, "older")) }
                            (badge::security_and_breaking(one.security, one.breaking))
                            (badge::channel(one.channel))
                            @if one.stepping_stone { (badge::badge(Tone::Plain, "stepping stone")) }
                        }
                    }
                    p class="facts" { (time::day(one.published)) " · " (one.length) }
                    (verdict(reader, name, one))
                    (through(one))
                    @if let Some(text) = row.notes.as_deref().filter(|text| !text.is_empty()) {
                        details class="changelog" open[one.verdict == Verdict::Best] {
                            summary { "Notes" } (notes::notes(text))
                        }
                    }
                }
            }
        }
    }
}

/// What is installed on the way to it.
fn through(one: &Candidate) -> Markup {
    html! {
        @if !one.through.is_empty() {
            p class="reason" {
                "In " (one.through.len() + 1) " hops, over "
                @for (at, version) in one.through.iter().enumerate() {
                    @if at > 0 { " and " }
                    strong { (version) }
                }
                "."
            }
        }
    }
}

fn verdict(reader: &SignedIn, name: &str, one: &Candidate) -> Markup {
    let spoken = match one.age {
        Age::Older => format!("Plan to take {name} back to {}", one.version),
        Age::Newer | Age::Same => format!("Plan the update of {name} to {}", one.version),
    };
    let look = if one.verdict == Verdict::Best { Look::Primary } else { Look::Quiet };
    html! {
        @if let Some(reason) = one.reason().filter(|_| one.age != Age::Same) {
            p class="reason" { (reason_line(one, reason)) }
        }
        @if one.can_be_planned() {
            (plan_button(reader, &one.target, Some(&one.version), look, "Plan", &spoken))
        }
        @if matches!(one.reason(), Some(Reason::Skipped)) {
            (skip_button(reader, &one.target, &one.version, Skip::Offer))
        }
    }
}

/// What only keeps it from being offered is told apart from what forbids it.
fn reason_line(one: &Candidate, reason: &Reason) -> Markup {
    let is_failure = matches!(reason, Reason::Bad { .. });
    let said = if one.can_be_planned() { "Not offered" } else { "Cannot be installed" };
    html! { span class=[is_failure.then_some("bad-text")] { (said) ": " (reason) } }
}

/// Newer releases that cannot be installed here, for the overview: version and reason.
pub(crate) fn held_back(candidates: &[Candidate]) -> impl Iterator<Item = (&Candidate, &Reason)> {
    let newer = candidates.iter().filter(|one| one.age == Age::Newer);
    newer.filter_map(|one| match &one.verdict {
        Verdict::Refused { reason } | Verdict::OnRequest { reason } => match reason {
            Reason::Installed | Reason::Older { .. } | Reason::Platform { .. } => None,
            Reason::Edition { .. }
            | Reason::CoreRange { .. }
            | Reason::Abi { .. }
            | Reason::Bad { .. }
            | Reason::Yanked { .. }
            | Reason::Channel { .. }
            | Reason::Rollout { .. }
            | Reason::DataTooOld { .. }
            | Reason::DataTooNew { .. }
            | Reason::SteppingStone { .. }
            | Reason::BelowFloor { .. }
            | Reason::Skipped
            | Reason::Needs { .. }
            | Reason::NeededBy { .. }
            | Reason::FreshAuthor
            | Reason::Malformed { .. } => Some((one, reason)),
        },
        Verdict::Best | Verdict::Possible => None,
    })
}
