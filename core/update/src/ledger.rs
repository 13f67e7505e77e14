//! The journal, folded for people: reports, history, and which update is open.
//! Reads records; writes none.

use std::collections::{BTreeMap, VecDeque};

use newleaf_domain::{Digest, PlanId, Target, UpdateId};
use newleaf_launcher::failed_start::{self, Start};
use newleaf_launcher::journal::{Ending, Entry, Failure, Outcome, Record, StepId};
use newleaf_launcher::loss::{FELL_BACK, Missing, OLDER, missing};
use newleaf_launcher::state::Way;

use crate::phase::{Kind, State, Verdict};
use crate::view::{HistoryEntry, HistoryTarget, Report, StepReport, StepStanding};

/// Updates whose records are kept; what is asked of an older one is read from the journal again.
const KEPT: usize = 64;

/// Updates that the history lists: one a day for 13 years. Older ones stay in the journal.
const LISTED: usize = 5_000;

/// The notice of an update whose copy was put back though `state` did not name it any more.
pub(crate) const PUT_BACK: &str =
    "the data was put back as it was before this update: the journal knew of the copy";

/// What was read of the journal so far. Holds as much as its bounds say, however long that is.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    last_seq: u64,
    /// Every update with the number of its newest record, oldest first.
    history: VecDeque<(u64, HistoryEntry)>,
    /// The records of the newest updates, oldest first.
    kept: VecDeque<(UpdateId, Vec<Record>)>,
    /// The newest start that could not read `state`.
    fell_back: Option<u64>,
    /// Why the last start of the host came to nothing.
    failed_start: Option<String>,
}

impl Ledger {
    /// The ledger of these records.
    pub(crate) fn of_all(records: Vec<Record>) -> Self {
        let mut ledger = Self::default();
        ledger.absorb(records);
        ledger
    }

    /// Takes records that follow those it has; what it has already is passed over.
    pub(crate) fn absorb(&mut self, records: Vec<Record>) {
        for record in records {
            if record.seq > self.last_seq {
                self.last_seq = record.seq;
                self.enter(record);
            }
        }
    }

    fn enter(&mut self, record: Record) {
        if matches!(&record.entry, Entry::Notice { text } if [FELL_BACK, OLDER].iter().any(|it| text.starts_with(it)))
        {
            self.fell_back = Some(record.seq);
        }
        match failed_start::told_by(&record) {
            Some(Start::Failed(why)) => self.failed_start = Some(why.to_owned()),
            Some(Start::Came) => self.failed_start = None,
            None => {}
        }
        let Some(id) = record.update.clone() else { return };
        if matches!(record.entry, Entry::Began { .. }) {
            self.history.extend(opened(&record).map(|report| (record.seq, line(report))));
            self.kept.push_back((id.clone(), Vec::new()));
        }
        if let Some((newest, entry)) = self.history.iter_mut().rev().find(|(_, it)| it.id == id) {
            *newest = record.seq;
            if let Entry::Ended { ending, reason } = &record.entry {
                entry.ended = Some(record.at);
                entry.ending = Some(*ending);
                entry.reason.clone_from(reason);
            }
        }
        if let Some((_, records)) = self.kept.iter_mut().rev().find(|(kept, _)| *kept == id) {
            records.push(record);
        }
        self.history.drain(..self.history.len().saturating_sub(LISTED));
        self.kept.drain(..self.kept.len().saturating_sub(KEPT));
    }

    /// The number of the newest record; 0 where there is none.
    pub(crate) const fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Whether the records of an update are not kept any more, though the journal may have them.
    pub(crate) fn has_dropped(&self, id: &UpdateId) -> bool {
        let is_full = self.kept.len() == KEPT;
        is_full && !self.kept.iter().any(|(kept, _)| kept == id)
    }

    /// The records of one update, in order.
    pub(crate) fn of(&self, id: &UpdateId) -> impl DoubleEndedIterator<Item = &Record> + use<'_> {
        let records = self.kept.iter().rev().find(|(kept, _)| kept == id);
        records.map_or([].as_slice(), |(_, records)| records.as_slice()).iter()
    }

    /// The update that began last.
    pub(crate) fn newest_update(&self) -> Option<UpdateId> {
        self.kept.back().map(|(id, _)| id.clone())
    }

    /// The update that began and did not end. There is at most one: the next cannot begin.
    pub(crate) fn open(&self) -> Option<UpdateId> {
        let (id, records) = self.kept.back()?;
        // A deferred update has ended, and goes on under the same id at the host's next start.
        let notice = |record: &&Record| matches!(record.entry, Entry::Notice { .. });
        let last = records.iter().rev().find(|record| !notice(record));
        let ended = last.is_some_and(|record| matches!(record.entry, Entry::Ended { .. }));
        if ended { None } else { Some(id.clone()) }
    }

    /// Where an update stands by its records.
    pub(crate) fn state(&self, id: &UpdateId) -> Option<State> {
        let mut kind = None;
        let mut state = State::FIRST;
        for record in self.of(id) {
            state = match (&record.entry, kind) {
                (Entry::Began { target, .. }, _) => {
                    kind = Some(Kind::of(target));
                    state
                }
                (Entry::Started { step }, _) => State::At(*step),
                (Entry::Finished { step, .. }, Some(kind)) => {
                    follow(State::At(*step), kind, Verdict::Passed)
                }
                (Entry::Failed { step, .. }, Some(kind)) => {
                    follow(State::At(*step), kind, Verdict::Failed)
                }
                (Entry::Ended { ending, .. }, _) => State::Ended(*ending),
                (
                    Entry::Finished { .. }
                    | Entry::Failed { .. }
                    | Entry::Notice { .. }
                    | Entry::Unknown,
                    _,
                ) => state,
            };
        }
        kind.map(|_| state)
    }

    /// What an update was said to be about, in its first record.
    pub(crate) fn began(&self, id: &UpdateId) -> Option<&Record> {
        self.of(id).find(|record| matches!(record.entry, Entry::Began { .. }))
    }

    /// Which way an update went that has switched to the version with this digest; none where it
    /// has not, or brought another. What it went back to afterwards has a digest of its own.
    pub(crate) fn switched(&self, id: &UpdateId, digest: Digest) -> Option<Way> {
        let Entry::Began { digest: brought, way, .. } = &self.began(id)?.entry else { return None };
        let is_done = |record: &Record| {
            matches!(record.entry, Entry::Finished { step: StepId::Activate, .. })
        };
        (*brought == digest && self.of(id).any(is_done)).then_some(*way)
    }

    /// The first record of the newest update of each target.
    pub(crate) fn newest_of_each(&self) -> Vec<&Record> {
        let mut newest: BTreeMap<&Target, &Record> = BTreeMap::new();
        for record in self.first_records() {
            if let Entry::Began { target, .. } = &record.entry {
                newest.insert(target, record);
            }
        }
        newest.into_values().collect()
    }

    /// The updates that carried out, or tried to carry out, the change to `digest` of a plan, in
    /// order.
    pub(crate) fn of_hop(&self, of: &PlanId, hop: &Digest) -> Vec<UpdateId> {
        let is_it = |record: &&Record| matches!(&record.entry, Entry::Began { plan, digest, .. } if plan == of && digest == hop);
        self.first_records().filter(is_it).filter_map(|record| record.update.clone()).collect()
    }

    /// The first record of each update that is kept, oldest first.
    fn first_records(&self) -> impl Iterator<Item = &Record> {
        self.kept.iter().filter_map(|(_, records)| records.first())
    }

    /// Everything known of an update.
    pub(crate) fn report(&self, id: &UpdateId) -> Option<Report> {
        let mut report = opened(self.began(id)?)?;
        for record in self.of(id) {
            fold(&mut report, record);
        }
        Some(report)
    }

    /// Every update that is listed, newest first, each with the number of its newest record.
    pub(crate) fn history(&self) -> impl Iterator<Item = &(u64, HistoryEntry)> {
        self.history.iter().rev()
    }

    /// Whether an update has ended.
    pub(crate) fn has_ended(&self, id: &UpdateId) -> bool {
        self.history().find(|(_, entry)| entry.id == *id).is_some_and(|(_, it)| it.ending.is_some())
    }

    /// The last update that a start lost because it could not read `state`, where `state` still
    /// does not name its version and nobody has updated its target since.
    pub(crate) fn lost(&self, state: &newleaf_launcher::state::State) -> Option<Missing> {
        let start = self.fell_back?;
        let kept = || self.kept.iter().flat_map(|(_, records)| records);
        let missing = missing(state, kept().filter(|record| record.seq < start))?;
        let again = kept().filter(|record| record.seq > start).any(|record| {
            matches!(&record.entry, Entry::Began { target, .. } if *target == missing.target)
        });
        (!again).then_some(missing)
    }

    /// Whether `state` was lost after an app's data was copied for this update, and with it where the
    /// copy lies; not so any more once the data is put back.
    pub(crate) fn lost_its_copy(&self, id: &UpdateId) -> bool {
        let Some(start) = self.fell_back else { return false };
        let copied = |record: &Record| {
            let done = matches!(
                record.entry,
                Entry::Finished { step: StepId::Snapshot, outcome: Outcome::Done { .. } }
            );
            done && record.seq < start
        };
        let is_put_back = |record: &Record| matches!(&record.entry, Entry::Notice { text } if text == PUT_BACK && record.seq > start);
        self.of(id).any(copied) && !self.of(id).any(is_put_back)
    }

    /// Why the last start of the host came to nothing; none where it came.
    pub(crate) fn failed_start(&self) -> Option<&str> {
        self.failed_start.as_deref()
    }

    /// What failed first in an update, where something did: all that follows is the way back.
    pub(crate) fn failure(&self, id: &UpdateId) -> Option<(StepId, &Failure)> {
        self.of(id).find_map(|record| match &record.entry {
            Entry::Failed { step, failure } => Some((*step, failure)),
            Entry::Began { .. }
            | Entry::Started { .. }
            | Entry::Finished { .. }
            | Entry::Ended { .. }
            | Entry::Notice { .. }
            | Entry::Unknown => None,
        })
    }
}

/// The next state; the same one where a newer writer's records do not fit the table.
fn follow(state: State, kind: Kind, verdict: Verdict) -> State {
    state.next(kind, verdict).unwrap_or(state)
}

fn opened(record: &Record) -> Option<Report> {
    let Entry::Began { target, from, to, plan, way, by, .. } = &record.entry else { return None };
    let waiting = |step: &StepId| StepReport {
        step: *step,
        standing: StepStanding::Waiting,
        progress: None,
        started: None,
        finished: None,
        undoable: step.undoable(),
    };
    Some(Report {
        id: record.update.clone()?,
        target: target.clone(),
        from: from.clone(),
        to: to.clone(),
        plan: plan.clone(),
        way: *way,
        by: by.clone(),
        began: record.at,
        ended: None,
        ending: None,
        reason: None,
        steps: StepId::of(target).iter().map(waiting).collect(),
        seq: record.seq,
        interrupted: None,
    })
}

fn fold(report: &mut Report, record: &Record) {
    report.seq = record.seq;
    match &record.entry {
        Entry::Began { .. } | Entry::Notice { .. } | Entry::Unknown => {}
        Entry::Started { step } => {
            (report.ended, report.ending, report.reason) = (None, None, None);
            let row = row(report, *step);
            row.started.get_or_insert(record.at);
            row.standing = StepStanding::Running;
        }
        Entry::Finished { step, outcome } => {
            let row = row(report, *step);
            row.finished = Some(record.at);
            row.standing = StepStanding::Over { outcome: outcome.clone() };
        }
        Entry::Failed { step, failure } => {
            let row = row(report, *step);
            row.finished = Some(record.at);
            row.standing = StepStanding::Failed { failure: failure.clone() };
        }
        Entry::Ended { ending, reason } => {
            report.ended = Some(record.at);
            report.ending = Some(*ending);
            report.reason.clone_from(reason);
        }
    }
}

/// The row of `step`; a step that is not of the good way, such as *rollback*, is added at the end.
fn row(report: &mut Report, step: StepId) -> &mut StepReport {
    let index = report.steps.iter().position(|row| row.step == step).unwrap_or_else(|| {
        report.steps.push(StepReport::waiting(step));
        report.steps.len() - 1
    });
    &mut report.steps[index]
}

fn line(report: Report) -> HistoryEntry {
    HistoryEntry {
        id: report.id,
        target: HistoryTarget {
            target: report.target,
            from: report.from,
            to: report.to,
            way: report.way,
        },
        by: report.by,
        began: report.began,
        ended: report.ended,
        ending: report.ending,
        reason: report.reason,
    }
}

/// Whether an ending leaves the version that was asked for in place, now or at the next start.
pub(crate) const fn is_success(ending: Ending) -> bool {
    matches!(ending, Ending::Committed | Ending::Deferred)
}

#[cfg(test)]
mod tests {
    use newleaf_domain::{Digest, PackageName, PlanId, Target, Timestamp, Version};
    use newleaf_launcher::state::Way;

    use super::*;

    const AT: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn id(number: usize) -> UpdateId {
        let at = AT.plus_seconds(i64::try_from(number).unwrap());
        UpdateId::new(at, &PlanId::of(Digest::of(b"plan")), number as u64)
    }

    /// The records of `count` updates, each of which begins, checks and ends.
    fn updates(count: usize) -> Vec<Record> {
        let mut records = Vec::new();
        for number in 0..count {
            let began = Entry::Began {
                target: Target::App(PackageName::parse("acme/notes").unwrap()),
                from: None,
                to: Version::parse("1.0.0").unwrap(),
                digest: Digest::of(b"notes"),
                plan: PlanId::of(Digest::of(b"plan")),
                way: Way::Forward,
                by: "ada".to_owned(),
            };
            let ended = Entry::Ended { ending: Ending::Failed, reason: Some("why".to_owned()) };
            for entry in [began, Entry::Started { step: StepId::Check }, ended] {
                let seq = records.len() as u64 + 1;
                records.push(Record { seq, at: AT, update: Some(id(number)), entry });
            }
        }
        records
    }

    #[test]
    fn what_is_kept_is_bounded_however_many_updates_there_were() {
        let ledger = Ledger::of_all(updates(LISTED + 10));
        let kept = ledger.kept.iter().map(|(_, records)| records.len()).sum::<usize>();
        assert_eq!((kept, ledger.history().count()), (3 * KEPT, LISTED));
        assert_eq!(ledger.history().next().unwrap().1.id, id(LISTED + 9), "the newest comes first");
        assert_eq!((ledger.open(), ledger.last_seq()), (None, 3 * (LISTED as u64 + 10)));
    }

    #[test]
    fn an_old_update_is_listed_and_known_to_be_dropped() {
        let ledger = Ledger::of_all(updates(KEPT + 1));
        assert!(ledger.has_dropped(&id(0)) && ledger.has_ended(&id(0)));
        assert!(ledger.report(&id(0)).is_none());
        assert!(!ledger.has_dropped(&id(1)));
        assert_eq!(ledger.report(&id(1)).unwrap().ending, Some(Ending::Failed));
    }

    #[test]
    fn records_that_were_read_before_change_nothing() {
        let mut ledger = Ledger::of_all(updates(2));
        ledger.absorb(updates(2));
        assert_eq!((ledger.history().count(), ledger.of(&id(1)).count()), (2, 3));
    }

    #[test]
    fn an_update_without_an_end_is_open() {
        let mut records = updates(2);
        records.pop();
        assert_eq!(Ledger::of_all(records).open(), Some(id(1)));
    }
}
