//! One step of an update, as it stands.

use maud::{Markup, html};
use newleaf_update::journal::Outcome;
use newleaf_update::view::{StepReport, StepStanding};

use super::icon::{Icon, icon};
use super::words::{Tone, undoable_word};
use super::{progress, time};

/// The step as a row of the list; the same for the page and for the stream.
pub(crate) fn step(step: &StepReport) -> Markup {
    let look = Look::of(&step.standing);
    html! {
        li id={ "step-" (step.step) } class={ "step " (look.class) }
            aria-current=[look.is_current.then_some("step")]
        {
            span class={ "sign " (look.tone.class()) } { (icon(look.icon)) }
            div class="body" {
                p class="title" {
                    (step.step.title()) span class="sr" { ": " (look.word) }
                    @if let Some(seconds) = seconds(step) {
                        span class="took" { (time::took(seconds)) }
                    }
                }
                (detail(step))
            }
        }
    }
}

struct Look {
    class: &'static str,
    tone: Tone,
    icon: Icon,
    word: &'static str,
    is_current: bool,
}

impl Look {
    fn of(standing: &StepStanding) -> Self {
        let (class, tone, icon, word) = match standing {
            StepStanding::Waiting => ("waiting", Tone::Plain, Icon::Waiting, "not yet"),
            StepStanding::Running => ("running", Tone::Fresh, Icon::Running, "under way"),
            StepStanding::Failed { .. } => ("failed", Tone::Bad, Icon::Cross, "failed"),
            StepStanding::Over { outcome } => match outcome {
                Outcome::Done { .. } => ("over", Tone::Good, Icon::Check, "done"),
                Outcome::Skipped { .. } => ("over", Tone::Plain, Icon::Skip, "skipped"),
                Outcome::Warned { .. } => ("over", Tone::Warn, Icon::Warning, "done, to be read"),
            },
        };
        Self { class, tone, icon, word, is_current: matches!(standing, StepStanding::Running) }
    }
}

fn seconds(step: &StepReport) -> Option<i64> {
    let seconds = step.finished?.seconds_since(step.started?);
    (seconds > 0).then_some(seconds)
}

fn detail(step: &StepReport) -> Markup {
    html! {
        @match &step.standing {
            StepStanding::Waiting => {},
            StepStanding::Running => {
                @if let Some(live) = &step.progress { (progress::progress(live, step.step.title())) }
                p class="undoable" { (undoable_word(step.undoable)) }
            },
            StepStanding::Over { outcome: Outcome::Done { detail } } => {
                @if !detail.is_empty() { p class="detail" { (detail) } }
            },
            StepStanding::Over { outcome: Outcome::Skipped { why } } => {
                p class="detail" { "Skipped: " (why) }
            },
            StepStanding::Over { outcome: Outcome::Warned { why } } => {
                p class="detail warn-text" { (why) }
            },
            StepStanding::Failed { failure } => { p class="detail bad-text" { (failure.what) } },
        }
    }
}
