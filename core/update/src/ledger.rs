//! The journal, folded for people: reports, history, and which update is open.
//! Reads records; writes none.

use std::collections::BTreeMap;

use newleaf_domain::UpdateId;
use newleaf_launcher::journal::{Ending, Entry, Failure, Record, StepId};

use crate::phase::{Kind, State, Verdict};
use crate::view::{HistoryEntry, HistoryTarget, Report, StepReport, StepStanding};

/// The records that were read so far, in order.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    records: Vec<Record>,
}

impl Ledger {
    /// Takes records that follow those it has; what it has already is passed over.
    pub(crate) fn absorb(&mut self, records: Vec<Record>) {
        let last = self.last_seq();
        self.records.extend(records.into_iter().filter(|record| record.seq > last));
    }

    /// The number of the newest record; 0 where there is none.
    pub(crate) fn last_seq(&self) -> u64 {
        self.records.last().map_or(0, |record| record.seq)
    }

    /// The records of one update, in order.
    pub(crate) fn of<'a>(
        &'a self,
        id: &'a UpdateId,
    ) -> impl DoubleEndedIterator<Item = &'a Record> {
        self.records.iter().filter(move |record| record.update.as_ref() == Some(id))
    }

    /// The update that began last.
    pub(crate) fn newest_update(&self) -> Option<UpdateId> {
        let began = |record: &&Record| matches!(record.entry, Entry::Began { .. });
        self.records.iter().rev().find(began)?.update.clone()
    }

    /// The update that began and did not end. There is at most one: the next cannot begin.
    pub(crate) fn open(&self) -> Option<UpdateId> {
        let id = self.newest_update()?;
        // A deferred update has ended, and goes on under the same id at the host's next start.
        let notice = |record: &&Record| matches!(record.entry, Entry::Notice { .. });
        let last = self.of(&id).rev().find(|record| !notice(record));
        let ended = last.is_some_and(|record| matches!(record.entry, Entry::Ended { .. }));
        if ended { None } else { Some(id) }
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
        let began = |record: &&Record| matches!(record.entry, Entry::Began { .. });
        self.records.iter().filter(began).find(|record| record.update.as_ref() == Some(id))
    }

    /// Everything known of an update.
    pub(crate) fn report(&self, id: &UpdateId) -> Option<Report> {
        let mut report = opened(self.began(id)?)?;
        for record in self.of(id) {
            fold(&mut report, record);
        }
        Some(report)
    }

    /// Every update, newest first.
    pub(crate) fn history(&self) -> Vec<HistoryEntry> {
        let mut entries: Vec<HistoryEntry> = Vec::new();
        for record in &self.records {
            match &record.entry {
                Entry::Began { .. } => entries.extend(opened(record).map(line)),
                Entry::Ended { ending, reason } => {
                    let of = |entry: &&mut HistoryEntry| Some(&entry.id) == record.update.as_ref();
                    if let Some(entry) = entries.iter_mut().rev().find(of) {
                        entry.ended = Some(record.at);
                        entry.ending = Some(*ending);
                        entry.reason.clone_from(reason);
                    }
                }
                Entry::Started { .. }
                | Entry::Finished { .. }
                | Entry::Failed { .. }
                | Entry::Notice { .. }
                | Entry::Unknown => {}
            }
        }
        entries.reverse();
        entries
    }

    /// The number of each update's newest record.
    pub(crate) fn newest(&self) -> BTreeMap<&UpdateId, u64> {
        self.records
            .iter()
            .filter_map(|record| Some((record.update.as_ref()?, record.seq)))
            .collect()
    }

    /// What failed first in an update, where something did: all that follows is the way back.
    pub(crate) fn failure(&self, id: &UpdateId) -> Option<(StepId, &Failure)> {
        self.records.iter().filter(|record| record.update.as_ref() == Some(id)).find_map(|record| {
            match &record.entry {
                Entry::Failed { step, failure } => Some((*step, failure)),
                Entry::Began { .. }
                | Entry::Started { .. }
                | Entry::Finished { .. }
                | Entry::Ended { .. }
                | Entry::Notice { .. }
                | Entry::Unknown => None,
            }
        })
    }
}

/// The next state; the same one where a newer writer's records do not fit the table.
fn follow(state: State, kind: Kind, verdict: Verdict) -> State {
    state.next(kind, verdict).unwrap_or(state)
}

fn opened(record: &Record) -> Option<Report> {
    let Entry::Began { target, from, to, way, by, .. } = &record.entry else { return None };
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
        way: *way,
        by: by.clone(),
        began: record.at,
        ended: None,
        ending: None,
        reason: None,
        steps: StepId::of(target).iter().map(waiting).collect(),
        seq: record.seq,
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
        report.steps.push(StepReport {
            step,
            standing: StepStanding::Waiting,
            progress: None,
            started: None,
            finished: None,
            undoable: step.undoable(),
        });
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
