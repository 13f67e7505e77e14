//! The hops of a plan that has several: which are done, which runs, which are to come.

use maud::{Markup, html};
use newleaf_domain::UpdateId;
use newleaf_update::journal::Ending;
use newleaf_update::plan::Because;
use newleaf_update::state::Way;
use newleaf_update::view::{Hop, Journey, JourneyStanding};

use super::badge::badge;
use super::icon::{Icon, icon};
use super::words::{Tone, ending_tone, ending_word, hop as versions, sentence};

/// The hops beside the update that is looked at; nothing where the plan has but one.
pub(crate) fn hops(journey: Option<&Journey>, here: &UpdateId, is_over: bool) -> Markup {
    let journey = journey.filter(|journey| journey.hops.len() > 1);
    html! {
        section id="run-hops" class=[journey.map(|_| "card hops")] {
            @if let Some(journey) = journey {
                (head(journey, here))
                ol class="hop-list" {
                    @for (at, one) in journey.hops.iter().enumerate() { (row(at + 1, one, here)) }
                }
                (onward(journey, here, is_over))
            }
        }
    }
}

fn head(journey: &Journey, here: &UpdateId) -> Markup {
    let of = journey.hops.len();
    html! {
        h2 {
            @match journey.number_of(here) {
                Some(number) => { "Hop " (number) " of " (of) },
                None => { (of) " hops" },
            }
        }
    }
}

fn row(number: usize, one: &Hop, here: &UpdateId) -> Markup {
    let is_here = one.update.as_ref() == Some(here);
    let (tone, word) = match (&one.update, one.ending) {
        (_, Some(ending)) => (ending_tone(ending), ending_word(ending, Way::Forward)),
        (Some(_), None) => (Tone::Fresh, "running"),
        (None, None) => (Tone::Plain, "to come"),
    };
    html! {
        li class="hop" aria-current=[is_here.then_some("step")] {
            span class="number" aria-hidden="true" { (number) }
            div {
                p {
                    @match one.update.as_ref().filter(|_| !is_here) {
                        Some(update) => {
                            a href={ "/updates/" (update) } { (versions(one.from.as_ref(), &one.to)) }
                        },
                        None => { strong { (versions(one.from.as_ref(), &one.to)) } },
                    }
                    " " (badge(tone, word))
                }
                p class="why" { (because(&one.because)) }
            }
        }
    }
}

/// Why a hop is part of its plan, as a sentence.
pub(crate) fn because(because: &Because) -> String {
    match because {
        Because::Goal => "What this plan is for.".to_owned(),
        Because::SteppingStone | Because::Bridge { .. } => sentence(&because.to_string()),
    }
}

/// What follows once this hop is over. Where the plan goes on, the page goes on with it: by the
/// script where there is one, by the link where not.
fn onward(journey: &Journey, here: &UpdateId, is_over: bool) -> Markup {
    let now = format!("/plans/{}/now", journey.plan);
    let is_newest = journey.newest() == Some(here);
    html! {
        @match &journey.standing {
            JourneyStanding::UnderWay if is_over => {
                p class="onward" data-follow=[is_newest.then_some(&now)] {
                    (icon(Icon::Running))
                    span { "The plan goes on by itself. " a href=(now) { "Watch the next hop" } }
                }
            },
            JourneyStanding::Stopped { .. } if is_over && is_newest => {
                p class="onward bad-text" {
                    (icon(Icon::Cross)) span { "The plan stopped here. What serves now is a working version." }
                }
            },
            JourneyStanding::Deferred if is_over => {
                p class="onward" { "The plan goes on after the next start of the host." }
            },
            JourneyStanding::Waiting | JourneyStanding::UnderWay | JourneyStanding::Done
            | JourneyStanding::Deferred | JourneyStanding::Stopped { .. } => {},
        }
    }
}

/// Whether the page of an update that is over has more to tell soon.
pub(crate) fn goes_on(journey: Option<&Journey>, ending: Option<Ending>) -> bool {
    ending.is_some()
        && journey.is_some_and(|journey| {
            journey.hops.len() > 1 && journey.standing == JourneyStanding::UnderWay
        })
}
