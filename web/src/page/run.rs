//! One update: live while it runs, and its result for ever after.
//! Its parts carry ids; the event stream sends the same parts, made by the same functions.

use maud::{Markup, html};
use newleaf_domain::Target;
use newleaf_update::FourLines;
use newleaf_update::journal::{Ending, Undoable};
use newleaf_update::state::Way;
use newleaf_update::view::{Journey, Report, StepReport, StepStanding};

use super::{Frame, Page, Place, Refresh};
use crate::part::four_lines::four_lines;
use crate::part::icon::{Icon, icon};
use crate::part::words::{Tone, ending_tone, ending_word, hop, state_after, undoable_word};
use crate::part::{badge, journey, log, step, time};

/// The page.
pub(crate) fn run(frame: &Frame<'_>, report: &Report, plan: Option<&Journey>) -> Page {
    let is_over = report.ending.is_some();
    let is_still = is_over && !journey::goes_on(plan, report.ending);
    frame.page(
        &title(frame, report),
        Place::Overview,
        if is_still { Refresh::Never } else { Refresh::WhileRunning },
        &html! {
            p class="crumb" { a href="/" { "Overview" } }
            div id="run" data-events=[(!is_over).then(|| events_path(report))] data-after=(report.seq) {
                (parts(frame, report, plan))
            }
        },
    )
}

/// Everything on the page that changes while the update runs.
pub(crate) fn parts(frame: &Frame<'_>, report: &Report, plan: Option<&Journey>) -> Markup {
    html! {
        (head(frame, report))
        (spoken(frame, report))
        (result(frame, report))
        (journey::hops(plan, &report.id, report.ending.is_some()))
        (steps(report))
        (log::log(report))
    }
}

/// Every step while the update runs; those that were reached, once it is over.
fn steps(report: &Report) -> Markup {
    let is_over = report.ending.is_some();
    let reached = |one: &&StepReport| !is_over || one.standing != StepStanding::Waiting;
    let shown: Vec<_> = report.steps.iter().filter(reached).collect();
    html! {
        ol id="run-steps" class=[(!shown.is_empty()).then_some("card steps")] aria-label="Steps" {
            @for one in shown { (step::step(one)) }
        }
    }
}

fn events_path(report: &Report) -> String {
    format!("/updates/{}/events", report.id)
}

fn title(frame: &Frame<'_>, report: &Report) -> String {
    let name = frame.name_of(&report.target);
    let versions = hop(report.from.as_ref(), &report.to);
    match (report.way, report.from.is_some()) {
        (Way::Back, _) => format!("Undo {name} {versions}"),
        (Way::Forward, true) => format!("Update {name} {versions}"),
        (Way::Forward, false) => format!("Install {name} {versions}"),
    }
}

/// What runs, or how it ended.
pub(crate) fn head(frame: &Frame<'_>, report: &Report) -> Markup {
    html! {
        section id="run-head" class="run-head" {
            h1 { (title(frame, report)) }
            p class="badges" {
                @match report.ending {
                    None if report.interrupted.is_some() => { (badge::badge(Tone::Warn, "interrupted")) },
                    None => { (badge::badge(Tone::Fresh, "running")) (badge::badge(Tone::Plain, undoable(report))) },
                    Some(ending) => { (badge::badge(ending_tone(ending), ending_word(ending, report.way))) },
                }
            }
            p class="facts" {
                @if let Some(id) = frame.id_beside(&report.target) { code { (id) } " · " }
                "Asked for by " (report.by) ", " (time::moment(report.began))
                @if let Some(ended) = report.ended {
                    " · took " (time::took(ended.seconds_since(report.began)))
                }
            }
        }
    }
}

/// What can be said of the whole: as the step that runs, or else the last that did.
fn undoable(report: &Report) -> &'static str {
    let at = report.steps.iter().rev().find(|step| step.standing != StepStanding::Waiting);
    undoable_word(at.map_or(Undoable::NothingChanged, |step| step.undoable))
}

/// The line that screen readers say: it changes when a step begins and when all is over.
pub(crate) fn spoken(frame: &Frame<'_>, report: &Report) -> Markup {
    html! { p id="run-status" class="sr" role="status" { (sentence(frame, report)) } }
}

fn sentence(frame: &Frame<'_>, report: &Report) -> String {
    if report.interrupted.is_some() {
        return "Interrupted".to_owned();
    }
    if let Some(ending) = report.ending {
        return after(frame, report, ending);
    }
    let running = report.steps.iter().position(|one| one.standing == StepStanding::Running);
    match running.and_then(|at| report.steps.get(at).map(|one| (at + 1, one.step))) {
        Some((number, step)) => {
            format!("Step {number} of {}: {}", report.steps.len(), step.title())
        }
        None => "Under way".to_owned(),
    }
}

fn after(frame: &Frame<'_>, report: &Report, ending: Ending) -> String {
    let name = frame.name_of(&report.target);
    state_after(name, report.from.as_ref(), &report.to, ending, report.way)
}

/// The result, once there is one: good news in a line, anything else in four.
pub(crate) fn result(frame: &Frame<'_>, report: &Report) -> Markup {
    html! {
        div id="run-result" {
            @match report.ending {
                None => {
                    @if let Some(why) = &report.interrupted {
                        (four_lines(&interrupted(&title(frame, report), why)))
                    }
                },
                Some(ending @ (Ending::Committed | Ending::Deferred)) => {
                    (good(frame, report, &after(frame, report, ending), ending))
                },
                Some(ending @ (Ending::Failed | Ending::Undone | Ending::RolledBack)) => {
                    (four_lines(&lines(report, after(frame, report, ending), ending)))
                    (onward(frame, report, ending))
                },
            }
        }
    }
}

/// It stands still, for its records cannot be written.
fn interrupted(title: &str, why: &str) -> FourLines {
    FourLines {
        state: format!("{title} stands still"),
        failed: why.to_owned(),
        done: "what was written down so far is kept; nothing goes on without its record".to_owned(),
        todo: "make room on the disk, or mend it; the host then finishes the update or takes it \
               back, by itself"
            .to_owned(),
    }
}

fn good(frame: &Frame<'_>, report: &Report, sentence: &str, ending: Ending) -> Markup {
    html! {
        section class={ "card outcome " (ending_tone(ending).class()) } {
            span class={ "hero-sign " (ending_tone(ending).class()) } { (icon(Icon::Check)) }
            div {
                h2 { (sentence) }
                @if let Some(reason) = &report.reason { p { (reason) } }
                (onward(frame, report, ending))
            }
        }
    }
}

fn onward(frame: &Frame<'_>, report: &Report, ending: Ending) -> Markup {
    let app = report.target.app().filter(|_| ending == Ending::Committed);
    html! {
        div class="buttons" {
            a class="button primary" href="/" { "Back to the overview" }
            @if let Some(address) = app.and_then(|app| frame.product.apps.url(app)) {
                a class="button quiet" href=(address) { "Open the app" }
            }
            @if ending != Ending::Committed { a class="button quiet" href="/history" { "History" } }
        }
    }
}

fn lines(report: &Report, now: String, ending: Ending) -> FourLines {
    match report.failure() {
        Some((step, failure)) => FourLines {
            state: now,
            failed: format!("{}: {}", step.title(), failure.what),
            done: failure.done.clone(),
            todo: failure.todo.clone(),
        },
        None => without_failed_step(report, now, ending),
    }
}

/// An update that ended badly without a step that failed: it was stopped, or the host was.
fn without_failed_step(report: &Report, now: String, ending: Ending) -> FourLines {
    let done = if ending == Ending::RolledBack {
        "The version before was put back, with its data."
    } else {
        "What had been prepared was cleared away."
    };
    let todo = match &report.target {
        Target::Core => {
            "start the update again from the overview, or with `newleaf update core`".to_owned()
        }
        Target::App(id) => {
            format!("start the update again from the overview, or with `newleaf update {id}`")
        }
    };
    FourLines {
        state: now,
        failed: report.reason.clone().unwrap_or_else(|| "the update was interrupted".to_owned()),
        done: done.to_owned(),
        todo,
    }
}
