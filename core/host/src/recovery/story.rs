//! What the recovery page tells, read from the folder anew for each page.

use newleaf_domain::{Timestamp, Version};
use newleaf_launcher::journal::{self, Entry, Record};
use newleaf_launcher::state::{CorePhase, CoreState};
use newleaf_launcher::{Layout, state_file};

use crate::db::snapshot;
use crate::support::kept_log::KeptLog;
use crate::support::redacted;

/// Records that are shown.
const RECORDS: usize = 20;

/// Bytes of the log that are shown.
const LOG: u64 = 12 * 1024;

/// The version before: its number, or why it cannot be started.
pub(super) type Previous = Result<Version, String>;

/// All that a page tells.
#[derive(Debug)]
pub(super) struct Story {
    /// The state in one sentence.
    pub(super) sentence: String,
    /// What failed last.
    pub(super) reason: String,
    /// The last error in the log, which may say why.
    pub(super) said: Option<String>,
    /// Since when nothing serves, as far as the journal knows.
    pub(super) since: Option<Timestamp>,
    /// The version that should run.
    pub(super) good: Option<Version>,
    /// What could be started in its place.
    pub(super) previous: Previous,
    /// The newest snapshot of the database.
    pub(super) snapshot: Option<String>,
    /// The last records, newest first: when, and what.
    pub(super) records: Vec<(Timestamp, String)>,
    /// The end of the log.
    pub(super) log: String,
}

impl Story {
    /// Reads it. Whatever cannot be read is told in its place.
    pub(super) fn read(product: &str, layout: &Layout) -> Self {
        let all = journal::read_from(layout, 1).unwrap_or_default();
        let state = state_file::read(layout);
        let core = state.as_ref().ok().map(|state| &state.core);
        let last = all.iter().rev().take(RECORDS);
        let log = redacted(&KeptLog::of(layout.dir()).tail(LOG));
        Self {
            sentence: match &state {
                Ok(state) => sentence(product, &state.core),
                Err(error) => format!("What should run is not known: {error}."),
            },
            reason: redacted(&reason(&all)),
            since: since(&all),
            good: core.map(|core| core.good.version.clone()),
            previous: core.map_or_else(|| Err("what ran before is not known".to_owned()), previous),
            snapshot: snapshot::list(layout.dir())
                .ok()
                .and_then(|all| Some(all.into_iter().next()?.name)),
            records: last.map(|record| (record.at, redacted(&line(record)))).collect(),
            said: said(&log),
            log,
        }
    }
}

fn sentence(product: &str, core: &CoreState) -> String {
    match (&core.trial, core.phase) {
        (Some(trial), CorePhase::Trial | CorePhase::Probation) => {
            format!("{product} {} is being started.", trial.slot.version)
        }
        _ => format!(
            "{product} {} should run and does not stay up. It is started again by itself, at most \
             30 s apart.",
            core.good.version
        ),
    }
}

fn previous(core: &CoreState) -> Previous {
    let Some(slot) = &core.previous else {
        return Err("there is no version before on this machine".to_owned());
    };
    if slot.schema < core.good.oldest_reader {
        return Err(format!(
            "{} cannot read the data any more: it has schema {}, the data needs {}",
            slot.version, slot.schema, core.good.oldest_reader
        ));
    }
    Ok(slot.version.clone())
}

/// The last thing that was noticed or failed.
fn reason(records: &[Record]) -> String {
    let told = records.iter().rev().find_map(|record| match &record.entry {
        Entry::Failed { failure, .. } => Some(failure.what.clone()),
        Entry::Notice { text } if !is_order(text) => Some(text.clone()),
        Entry::Notice { .. }
        | Entry::Began { .. }
        | Entry::Started { .. }
        | Entry::Finished { .. }
        | Entry::Ended { .. }
        | Entry::Unknown => None,
    });
    told.unwrap_or_else(|| "the reason is in the log".to_owned())
}

/// The text of the last error in a log of lines; none in one of JSON.
fn said(log: &str) -> Option<String> {
    let (_, told) = log.lines().rev().find_map(|line| line.split_once(" ERROR "))?;
    // What comes first is the part of the program that speaks.
    Some(told.split_once(": ").map_or(told, |(_, text)| text).to_owned())
}

/// Whether a notice only repeats what a person ordered here.
fn is_order(text: &str) -> bool {
    text.ends_with("as ordered on the recovery page")
}

/// When the run of notices began with which the journal ends.
fn since(records: &[Record]) -> Option<Timestamp> {
    let is_notice = |record: &&Record| matches!(record.entry, Entry::Notice { .. });
    records.iter().rev().take_while(is_notice).last().map(|record| record.at)
}

fn line(record: &Record) -> String {
    match &record.entry {
        Entry::Began { target, to, by, .. } => {
            format!("{target}: change to {to} began, asked for by {by}")
        }
        Entry::Started { step } => format!("{step} started"),
        Entry::Finished { step, .. } => format!("{step} finished"),
        Entry::Failed { step, failure } => format!("{step} failed: {}", failure.what),
        Entry::Ended { ending, reason } => match reason {
            Some(reason) => format!("ended, {}: {reason}", word(*ending)),
            None => format!("ended, {}", word(*ending)),
        },
        Entry::Notice { text } => text.clone(),
        Entry::Unknown => "a record of a newer version".to_owned(),
    }
}

const fn word(ending: journal::Ending) -> &'static str {
    match ending {
        journal::Ending::Committed => "done",
        journal::Ending::Failed => "failed",
        journal::Ending::Undone => "undone",
        journal::Ending::RolledBack => "taken back",
        journal::Ending::Deferred => "put off to the next start",
    }
}
