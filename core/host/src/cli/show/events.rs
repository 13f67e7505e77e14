//! A running update as it happens: a bar where a person watches, plain lines elsewhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use newleaf_launcher::journal::{Entry, Outcome, Record, StepId};
use newleaf_update::view::{Progress, Unit};

use super::Screen;
use super::plan::bytes_of;
use crate::route::UpdateEvent;

/// Prints the events of one update.
#[derive(Debug)]
pub(crate) struct Follower {
    screen: Screen,
    bar: Option<ProgressBar>,
}

impl Follower {
    /// A follower that has seen nothing yet.
    pub(crate) const fn new(screen: Screen) -> Self {
        Self { screen, bar: None }
    }

    /// Prints what `event` says.
    pub(crate) fn see(&mut self, event: &UpdateEvent) {
        self.screen.line(event);
        match event {
            UpdateEvent::Record(record) => self.record(record),
            UpdateEvent::Progress { step, progress } => self.progress(*step, *progress),
            UpdateEvent::Ended(_) => self.close(),
        }
    }

    /// Says that the host does not answer at this moment, which a switch of core makes likely.
    pub(crate) fn waits(&self) {
        if let Some(bar) = &self.bar {
            bar.set_message("waiting for the host");
        }
    }

    fn record(&mut self, record: &Record) {
        match &record.entry {
            Entry::Started { step } if self.screen.is_live() => self.open(*step),
            Entry::Started { .. } => {}
            entry @ (Entry::Began { .. }
            | Entry::Finished { .. }
            | Entry::Failed { .. }
            | Entry::Ended { .. }
            | Entry::Notice { .. }
            | Entry::Unknown) => {
                if let Some(line) = line(entry) {
                    self.close();
                    self.screen.say(&line);
                }
            }
        }
    }

    fn open(&mut self, step: StepId) {
        self.close();
        let bar = ProgressBar::new_spinner().with_style(spinner()).with_message(step.title());
        bar.enable_steady_tick(Duration::from_millis(120));
        self.bar = Some(bar);
    }

    fn progress(&self, step: StepId, progress: Progress) {
        let Some(bar) = &self.bar else { return };
        if let Some(total) = progress.total {
            bar.set_style(counted());
            bar.set_length(total);
        }
        bar.set_position(progress.current);
        bar.set_message(format!("{}  {}", step.title(), amount(progress)));
    }

    fn close(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn spinner() -> ProgressStyle {
    ProgressStyle::with_template("  {spinner} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn counted() -> ProgressStyle {
    ProgressStyle::with_template("  {spinner} [{bar:28}] {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

fn amount(progress: Progress) -> String {
    let of = |unit: &str| match progress.total {
        Some(total) => format!("{} of {total} {unit}", progress.current),
        None => format!("{} {unit}", progress.current),
    };
    match progress.unit {
        Unit::Bytes => bytes_of(progress.current, progress.total),
        Unit::Rows => of("rows"),
        Unit::Seconds => of("s"),
    }
}

/// What is printed of a record; nothing for the start of a step.
pub(crate) fn line(entry: &Entry) -> Option<String> {
    Some(match entry {
        Entry::Began { target, from: Some(from), to, .. } => format!("{target}  {from} -> {to}"),
        Entry::Began { target, from: None, to, .. } => format!("{target}  install {to}"),
        Entry::Finished { step, outcome: Outcome::Done { detail } } if detail.is_empty() => {
            format!("  done     {}", step.title())
        }
        Entry::Finished { step, outcome: Outcome::Done { detail } } => {
            format!("  done     {}: {detail}", step.title())
        }
        Entry::Finished { step, outcome: Outcome::Skipped { why } } => {
            format!("  skipped  {}: {why}", step.title())
        }
        Entry::Finished { step, outcome: Outcome::Warned { why } } => {
            format!("  warning  {}: {why}", step.title())
        }
        Entry::Failed { step, failure } => format!("  FAILED   {}: {}", step.title(), failure.what),
        Entry::Notice { text } => format!("  note     {text}"),
        Entry::Started { .. } | Entry::Ended { .. } | Entry::Unknown => return None,
    })
}

#[cfg(test)]
mod tests {
    use newleaf_domain::{Digest, PlanId, Target, Version};
    use newleaf_launcher::journal::{Ending, Failure};
    use newleaf_launcher::state::Way;

    use super::*;

    #[test]
    fn an_update_without_a_terminal_is_plain_lines() {
        let done = |step, detail: &str| Entry::Finished {
            step,
            outcome: Outcome::Done { detail: detail.to_owned() },
        };
        let entries = [
            Entry::Began {
                target: Target::parse("acme/notes").unwrap(),
                from: Some(Version::parse("1.0.0").unwrap()),
                to: Version::parse("2.0.0").unwrap(),
                digest: Digest::of(b"package"),
                plan: PlanId::of(Digest::of(b"plan")),
                way: Way::Forward,
                by: "cli:root".to_owned(),
            },
            Entry::Started { step: StepId::Fetch },
            done(StepId::Fetch, "4.1 MiB in 2 s"),
            Entry::Finished {
                step: StepId::Rehearse,
                outcome: Outcome::Skipped { why: "not built yet".to_owned() },
            },
            done(StepId::Hold, ""),
            Entry::Failed {
                step: StepId::Health,
                failure: Failure {
                    what: "health said no".to_owned(),
                    done: String::new(),
                    todo: String::new(),
                    cause: newleaf_launcher::journal::Cause::Release,
                },
            },
            Entry::Ended { ending: Ending::RolledBack, reason: None },
        ];
        let lines = entries.iter().filter_map(line).collect::<Vec<_>>().join("\n");
        insta::assert_snapshot!(lines, @r"
        acme/notes  1.0.0 -> 2.0.0
          done     Download: 4.1 MiB in 2 s
          skipped  Rehearse on a copy of the data: not built yet
          done     Hold new requests
          FAILED   Ask the new version for its health: health said no
        ");
    }
}
