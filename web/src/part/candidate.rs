//! Releases that were looked at: which can be installed, and why the others cannot.

use maud::{Markup, html};
use newleaf_update::plan::{Age, Candidate, Reason, Verdict};

use super::badge;
use super::form::{Look, plan_button};
use super::time;
use super::words::Tone;
use crate::gate::SignedIn;

/// Every candidate with its verdict; a button where it can be installed.
pub(crate) fn table(reader: &SignedIn, name: &str, candidates: &[Candidate]) -> Markup {
    html! {
        ul class="releases" {
            @for one in candidates {
                li class="release" {
                    div class="head" {
                        strong class="version" { (one.version) }
                        span class="badges" {
                            @if let Some(step) = one.step { (badge::step(step)) }
                            (badge::security_and_breaking(one.security, one.breaking))
                            (badge::channel(one.channel))
                        }
                    }
                    p class="facts" { (time::day(one.published)) " · " (one.length) }
                    (verdict(reader, name, one))
                }
            }
        }
    }
}

fn verdict(reader: &SignedIn, name: &str, one: &Candidate) -> Markup {
    let spoken = format!("Plan the update of {name} to {}", one.version);
    html! {
        @match &one.verdict {
            Verdict::Best => {
                (plan_button(reader, &one.target, Some(&one.version), Look::Primary, "Update", &spoken))
            },
            Verdict::Possible => {
                (plan_button(reader, &one.target, Some(&one.version), Look::Quiet, "Choose", &spoken))
            },
            Verdict::OnRequest { reason } => {
                p class="reason" { (reason_line(reason)) }
                (plan_button(reader, &one.target, Some(&one.version), Look::Quiet, "Choose", &spoken))
            },
            Verdict::Refused { reason } => { p class="reason" { (reason_line(reason)) } },
        }
    }
}

fn reason_line(reason: &Reason) -> Markup {
    html! {
        @match reason {
            Reason::Installed => { (badge::badge(Tone::Good, "installed")) },
            Reason::Bad { .. } => { span class="bad-text" { "Not offered: " (reason) } },
            Reason::Older { .. } | Reason::Platform { .. } | Reason::Edition { .. }
            | Reason::CoreRange { .. } | Reason::Abi { .. } | Reason::Yanked { .. }
            | Reason::Channel { .. } | Reason::Rollout { .. } | Reason::DataTooOld { .. }
            | Reason::DataTooNew { .. } | Reason::SteppingStone { .. } | Reason::BelowFloor { .. } | Reason::FreshAuthor | Reason::Malformed { .. } => {
                "Not offered: " (reason)
            },
        }
    }
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
            | Reason::FreshAuthor
            | Reason::Malformed { .. } => Some((one, reason)),
        },
        Verdict::Best | Verdict::Possible => None,
    })
}
