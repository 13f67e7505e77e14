//! What the recovery page tells, read from the folder anew for each page.

use std::path::Path;

use newleaf_domain::{Timestamp, Version, shell};
use newleaf_launcher::journal::{self, Entry, Record, Unfinished, unfinished_core};
use newleaf_launcher::state::{CorePhase, CoreState};
use newleaf_launcher::supervisor::PAGE;
use newleaf_launcher::words::plain;
use newleaf_launcher::{Layout, state_file};

use crate::db::{self, snapshot};
use crate::support::kept_log::KeptLog;
use crate::support::redacted;

/// Records that are shown.
const RECORDS: usize = 20;

/// Bytes of the log that are shown.
const LOG: u64 = 12 * 1024;

/// Seconds without a record after which a run of failures is another one: starts are at most 60 s
/// apart, and each may take 30 s to be ready.
const RUN: i64 = 120;

/// Seconds by which the log may tell of a failure before the journal does.
const AHEAD: i64 = 30;

/// The version before: its number, or why it cannot be started.
pub(super) type Previous = Result<Version, String>;

/// All that a page tells.
#[derive(Debug)]
pub(super) struct Story {
    /// The state in one sentence.
    pub(super) sentence: String,
    /// What failed last.
    pub(super) reason: String,
    /// What is wrong with `newleaf.db`, as far as a look at the file shows.
    pub(super) database: Option<String>,
    /// The last error in the log since then, which may say why.
    pub(super) said: Option<String>,
    /// Since when nothing serves, as far as the journal knows.
    pub(super) since: Option<Timestamp>,
    /// The version that should run.
    pub(super) good: Option<Version>,
    /// What could be started in its place.
    pub(super) previous: Previous,
    /// The newest snapshot of the database.
    pub(super) snapshot: Option<Kept>,
    /// The last records, newest first: when, and what.
    pub(super) records: Vec<(Timestamp, String)>,
    /// The end of the log.
    pub(super) log: String,
}

/// A snapshot, and the line that puts it back.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) at: Timestamp,
    pub(super) command: String,
}

impl Story {
    /// Reads it. Whatever cannot be read is told in its place.
    pub(super) fn read(product: &str, layout: &Layout) -> Self {
        let all = journal::read_from(layout, 1).unwrap_or_default();
        let state = state_file::read(layout);
        let core = state.as_ref().ok().map(|state| &state.core);
        let last = all.iter().rev().take(RECORDS);
        let since = since(&all, core);
        let database = db::fault(layout.dir());
        // What the page says anyway is not said twice.
        let repeats = |said: &String| database.as_ref().is_some_and(|fault| said.contains(fault));
        let reason = redacted(&reason(&all, core));
        let is_told = |said: &String| reason.contains(&plain(said));
        let log = redacted(&KeptLog::of(layout.dir()).tail(LOG));
        Self {
            sentence: match &state {
                Ok(state) => sentence(product, &state.core, unfinished_core(all.iter().cloned())),
                Err(error) => format!("What should run is not known: {error}."),
            },
            since,
            good: core.map(|core| core.good.version.clone()),
            previous: core.map_or_else(|| Err("what ran before is not known".to_owned()), previous),
            snapshot: newest_snapshot(layout.dir()),
            records: last.map(|record| (record.at, redacted(&line(record)))).collect(),
            said: said(&log, since).filter(|said| !repeats(said) && !is_told(said)),
            reason,
            database,
            log,
        }
    }
}

/// The line names the folder, for it is typed by someone who is in a hurry.
fn newest_snapshot(dir: &Path) -> Option<Kept> {
    let newest = snapshot::list(dir).ok()?.into_iter().next()?;
    let folder = std::path::absolute(dir).ok()?;
    let folder = shell::word(folder);
    let command = format!("newleaf snapshot restore {} --yes --dir {folder}", newest.name);
    Some(Kept { at: newest.at, command })
}

/// A version on trial that has failed is not started any more: the good one is.
fn sentence(product: &str, core: &CoreState, unfinished: Option<Unfinished>) -> String {
    let goes_back = unfinished.is_some_and(|update| update.is_rolling_back());
    match (&core.trial, core.phase) {
        (Some(trial), CorePhase::Trial | CorePhase::Probation) if goes_back => format!(
            "{product} {} failed on trial. {} should run again and does not stay up. It is started \
             again by itself, at most 60 s apart.",
            trial.slot.version, core.good.version
        ),
        (Some(trial), CorePhase::Trial | CorePhase::Probation) => {
            format!("{product} {} is being started.", trial.slot.version)
        }
        _ => format!(
            "{product} {} should run and does not stay up. It is started again by itself, at most \
             60 s apart.",
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

/// The last failure of a version of core; else the last thing that was noticed.
fn reason(records: &[Record], core: Option<&CoreState>) -> String {
    let told = |of: &dyn Fn(&str) -> bool| {
        records.iter().rev().find_map(|record| match &record.entry {
            Entry::Failed { failure, .. } => Some(failure.what.clone()),
            Entry::Notice { text } if !is_order(text) && of(text) => Some(text.clone()),
            Entry::Notice { .. }
            | Entry::Began { .. }
            | Entry::Started { .. }
            | Entry::Finished { .. }
            | Entry::Ended { .. }
            | Entry::Unknown => None,
        })
    };
    told(&|text| is_about(text, core))
        .or_else(|| told(&|_| true))
        .unwrap_or_else(|| "the reason is in the log".to_owned())
}

/// Whether a notice tells of a version that should run, by whose number it then begins; whatever it
/// says where nothing is known of what should run.
fn is_about(text: &str, core: Option<&CoreState>) -> bool {
    let Some(core) = core else { return true };
    let versions = [Some(&core.good), core.previous.as_ref()];
    versions.into_iter().flatten().any(|slot| {
        let rest = text.strip_prefix(slot.version.as_str());
        rest.is_some_and(|rest| rest.starts_with(' '))
    })
}

/// The last error that a log tells of since shortly before `since`.
fn said(log: &str, since: Option<Timestamp>) -> Option<String> {
    let from = since.map_or_else(String::new, |since| since.plus_seconds(-AHEAD).to_string());
    let (_, told) = log
        .lines()
        .rev()
        .filter_map(|line| error_in(line).or_else(|| error_in_json(line)))
        .find(|(at, _)| seconds(at) >= seconds(&from))?;
    Some(told.strip_prefix("worker: ").unwrap_or(&told).to_owned())
}

/// When and what, of a line of text that tells of an error.
fn error_in(line: &str) -> Option<(String, String)> {
    let (at, rest) = line.split_once(' ')?;
    let told = rest.trim_start().strip_prefix("ERROR ")?;
    // What comes first is the part of the program that speaks.
    let told = told.split_once(": ").map_or(told, |(_, text)| text);
    Some((at.to_owned(), told.to_owned()))
}

/// The same of a line of JSON.
fn error_in_json(line: &str) -> Option<(String, String)> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    let is_error = line.get("level")? == "ERROR";
    let told = line.get("fields")?.get("message")?.as_str()?;
    is_error.then_some((line.get("timestamp")?.as_str()?.to_owned(), told.to_owned()))
}

/// A moment of RFC 3339 down to its second; such texts are ordered as the moments are.
fn seconds(at: &str) -> &str {
    at.get(..19).unwrap_or(at)
}

/// Whether a notice only repeats what a person ordered here, or tells of this page itself.
fn is_order(text: &str) -> bool {
    text.ends_with("as ordered on the recovery page") || text.starts_with(PAGE)
}

/// When the run of failures began with which the journal ends. What else was noticed meanwhile has
/// no part in it.
fn since(records: &[Record], core: Option<&CoreState>) -> Option<Timestamp> {
    let notice = |record: &Record| match &record.entry {
        Entry::Notice { text } => Some((record.at, is_about(text, core))),
        Entry::Began { .. }
        | Entry::Started { .. }
        | Entry::Finished { .. }
        | Entry::Failed { .. }
        | Entry::Ended { .. }
        | Entry::Unknown => None,
    };
    let notices = records.iter().rev().map_while(notice);
    let mut run = notices.filter(|(_, is_about)| *is_about).map(|(at, _)| at);
    let mut first = run.next()?;
    for at in run {
        if first.unix().saturating_sub(at.unix()) > RUN {
            break;
        }
        first = at;
    }
    Some(first)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(at: i64) -> Record {
        let entry = Entry::Notice { text: "1.0.0 exited with status 1".to_owned() };
        Record { seq: 1, at: Timestamp::from_unix(at), update: None, entry }
    }

    #[test]
    fn a_notice_of_last_month_is_no_part_of_what_fails_now() {
        let now = 1_800_000_000;
        let records = [notice(now - 2_592_000), notice(now - 60), notice(now - 30), notice(now)];
        assert_eq!(since(&records, None), Some(Timestamp::from_unix(now - 60)));
        assert_eq!(since(&[], None), None);
    }

    #[test]
    fn what_else_was_noticed_says_neither_since_when_nor_why() {
        let now = 1_800_000_000;
        let other = |at, text: &str| Record {
            entry: Entry::Notice { text: text.to_owned() },
            ..notice(at)
        };
        let core = crate::worker::tests::state().core;
        assert_eq!(core.good.version.as_str(), "1.0.0");
        let records = [
            other(now - 90, "ada lets core follow beta; it followed stable"),
            notice(now - 30),
            other(now - 20, "removed from disk, 3 versions stay: core 0.9.0"),
            notice(now - 10),
            other(now, "newleaf.db was put back from snapshot x"),
        ];
        assert_eq!(since(&records, Some(&core)), Some(Timestamp::from_unix(now - 30)));
        assert_eq!(reason(&records, Some(&core)), "1.0.0 exited with status 1");
        assert!(reason(&records[..1], Some(&core)).starts_with("ada lets core"));
    }

    #[test]
    fn a_version_that_failed_on_trial_is_not_said_to_be_started() {
        use newleaf_launcher::journal::StepId;
        use newleaf_launcher::state::{Trial, Way};
        let mut core = crate::worker::tests::state().core;
        let (slot, digest) = (core.good.clone(), core.good.digest);
        let to = Version::parse("1.1.0").unwrap();
        let slot = newleaf_launcher::state::CoreSlot { version: to.clone(), ..slot };
        let plan = newleaf_domain::PlanId::of(digest);
        let update = newleaf_domain::UpdateId::new(Timestamp::from_unix(1_800_000_000), &plan, 1);
        let (tries, way, expand_within_ms) = (0, Way::Forward, None);
        core.trial = Some(Trial { slot, tries, update: update.clone(), way, expand_within_ms });
        core.phase = CorePhase::Trial;
        let at = |step| {
            let (update, to) = (update.clone(), to.clone());
            Some(Unfinished { update, to, digest, way, step: Some(step), failed: None })
        };
        let told = |step| sentence("Acme", &core, at(step));
        assert_eq!(told(StepId::Activate), "Acme 1.1.0 is being started.");
        let back = told(StepId::Rollback);
        assert!(back.starts_with("Acme 1.1.0 failed on trial. 1.0.0 should run again"), "{back}");
    }

    #[test]
    fn an_error_of_now_is_told_and_one_of_before_is_not() {
        let text = "2026-11-20T02:00:00.000001Z ERROR newleaf::app: old: it was long ago\n\
                    2026-11-21T02:30:00.277477Z ERROR newleaf::worker: worker: the disk is gone\n\
                    2026-11-21T02:30:01.277477Z  INFO newleaf::serve: ERROR is a word\n";
        let json = r#"{"timestamp":"2026-11-21T02:30:00.1Z","level":"ERROR","fields":{"message":"worker: the disk is gone"}}"#;
        let since = Timestamp::parse("2026-11-21T02:30:01Z").unwrap();
        for log in [text, json] {
            assert_eq!(said(log, Some(since)).as_deref(), Some("the disk is gone"));
            assert_eq!(said(log, Some(since.plus_seconds(3600))), None);
            assert!(said(log, None).is_some());
        }
    }
}
