//! The log of an update: what its journal says, a line for each thing that happened.

use maud::{Markup, html};
use newleaf_domain::Timestamp;
use newleaf_update::journal::Outcome;
use newleaf_update::view::{Report, StepReport, StepStanding};

use super::time;
use super::words::ending_word;

struct Line {
    at: Timestamp,
    text: String,
}

/// The log, oldest first, folded away until someone wants it.
pub(crate) fn log(report: &Report) -> Markup {
    let lines = lines(report);
    html! {
        details id="run-log" class="log" {
            summary { "Log (" (lines.len()) " lines)" }
            ol {
                @for line in &lines { li { (time::clock_time(line.at)) " " (line.text) } }
            }
        }
    }
}

fn lines(report: &Report) -> Vec<Line> {
    let mut lines =
        vec![Line { at: report.began, text: format!("began, asked for by {}", report.by) }];
    for step in &report.steps {
        lines.extend(started(step));
        lines.extend(over(step));
    }
    if let (Some(at), Some(ending)) = (report.ended, report.ending) {
        let mut text = ending_word(ending, report.way).to_lowercase();
        if let Some(reason) = &report.reason {
            text = format!("{text}: {reason}");
        }
        lines.push(Line { at, text });
    }
    lines.sort_by_key(|line| line.at);
    lines
}

fn started(step: &StepReport) -> Option<Line> {
    Some(Line { at: step.started?, text: format!("{}: started", step.step) })
}

fn over(step: &StepReport) -> Option<Line> {
    let text = match &step.standing {
        StepStanding::Waiting | StepStanding::Running => return None,
        StepStanding::Failed { failure } => format!("failed: {}", failure.what),
        StepStanding::Over { outcome } => match outcome {
            Outcome::Done { detail } if detail.is_empty() => "done".to_owned(),
            Outcome::Done { detail } => format!("done: {detail}"),
            Outcome::Skipped { why } => format!("skipped: {why}"),
            Outcome::Warned { why } => format!("done, but {why}"),
        },
    };
    Some(Line { at: step.finished.or(step.started)?, text: format!("{}: {text}", step.step) })
}
