//! Updates as their reports tell them: under way, over in each way there is, and of several hops.

use newleaf_domain::{Digest, PlanId, Target, UpdateId, VersionReq};
use newleaf_update::journal::{Ending, Failure, Outcome, StepId};
use newleaf_update::plan::{Because, Reason};
use newleaf_update::state::Way;
use newleaf_update::view::{
    HistoryEntry, HistoryTarget, Hop, Journey, JourneyStanding, Progress, Report, StepReport,
    StepStanding, Unit,
};

use super::word::{ago, notes_target, now, update, version};

fn over(step: StepId, outcome: Outcome) -> StepReport {
    StepReport {
        standing: StepStanding::Over { outcome },
        started: Some(ago(10)),
        finished: Some(ago(8)),
        ..StepReport::waiting(step)
    }
}

fn done(step: StepId, detail: &str) -> StepReport {
    over(step, Outcome::Done { detail: detail.to_owned() })
}

/// A report of an update of notes that waits at its first step.
pub(super) fn began() -> Report {
    Report {
        id: update(),
        target: notes_target(),
        from: Some(version("1.0.0")),
        to: version("2.0.0"),
        plan: PlanId::of(Digest::of(b"plan")),
        way: Way::Forward,
        by: "admin".to_owned(),
        began: ago(12),
        ended: None,
        ending: None,
        reason: None,
        steps: StepId::APP.into_iter().map(StepReport::waiting).collect(),
        seq: 42,
        interrupted: None,
    }
}

pub(crate) fn running() -> Report {
    let mut report = began();
    report.steps[0] = done(StepId::Check, "8 prerequisites hold");
    report.steps[1].standing = StepStanding::Running;
    report.steps[1].started = Some(ago(8));
    report.steps[1].progress =
        Some(Progress { current: 734_003, total: Some(1_341_440), unit: Unit::Bytes });
    report.seq = 45;
    report
}

pub(crate) fn interrupted() -> Report {
    let why = "the launcher refused: the host could not write it down: append to journal.jsonl: \
               No space left on device";
    Report { interrupted: Some(why.to_owned()), ..running() }
}

fn all_done() -> Report {
    let mut report = began();
    let why = |text: &str| text.to_owned();
    for step in &mut report.steps {
        *step = done(step.step, "");
    }
    report.steps[1] = done(StepId::Fetch, "1.3 MiB in 2 s");
    report.steps[4] =
        over(StepId::Rehearse, Outcome::Skipped { why: why("needs 12 GiB, 4 GiB free") });
    report.steps[6] =
        over(StepId::Hold, Outcome::Warned { why: why("one request still ran after 20 s") });
    report.steps[8] = done(StepId::Migrate, "schema 1 → 2 in 34 ms");
    report
}

pub(crate) fn committed() -> Report {
    Report { ended: Some(now()), ending: Some(Ending::Committed), seq: 70, ..all_done() }
}

pub(crate) fn rolled_back() -> Report {
    let mut report = all_done();
    let failed = report.steps.iter().position(|step| step.step == StepId::Health).unwrap();
    for step in &mut report.steps[failed + 1..] {
        *step = StepReport::waiting(step.step);
    }
    report.steps[failed].standing = StepStanding::Failed {
        failure: Failure {
            what: "notes 2.0.0 said it is not well: 3 notes have lost their tags".to_owned(),
            done:
                "The data was put back from the snapshot taken before, and 1.0.0 took over again; \
                   no request failed"
                    .to_owned(),
            todo: "Keep 1.0.0 and tell the author. To see the whole log: `newleaf history --json`"
                .to_owned(),
            cause: newleaf_update::journal::Cause::Release,
        },
    };
    report.steps.push(done(StepId::Rollback, "snapshot put back in 12 ms"));
    report.ended = Some(now());
    report.ending = Some(Ending::RolledBack);
    report.reason = Some("notes 2.0.0 said it is not well".to_owned());
    report
}

pub(crate) fn undone() -> Report {
    Report {
        ended: Some(now()),
        ending: Some(Ending::Undone),
        reason: Some("the host was stopped while the package was downloaded".to_owned()),
        ..began()
    }
}

fn entry(target: Target, from: &str, to: &str, ending: Option<Ending>, days: i64) -> HistoryEntry {
    let began = ago(days * 86_400 + 70);
    HistoryEntry {
        id: UpdateId::new(began, &PlanId::of(Digest::of(to.as_bytes())), 12),
        target: HistoryTarget {
            target,
            from: Some(version(from)),
            to: version(to),
            way: if version(from) > version(to) { Way::Back } else { Way::Forward },
        },
        by: "admin".to_owned(),
        began,
        ended: ending.map(|_| ago(days * 86_400)),
        ending,
        reason: (ending == Some(Ending::RolledBack))
            .then(|| "it exited with code 1 at start".to_owned()),
    }
}

pub(crate) fn history() -> Vec<HistoryEntry> {
    vec![
        entry(notes_target(), "1.0.0", "2.0.0", None, 0),
        entry(Target::Core, "1.0.0", "1.2.0", Some(Ending::RolledBack), 1),
        entry(notes_target(), "1.1.0", "1.0.0", Some(Ending::Committed), 2),
        entry(notes_target(), "0.9.0", "1.0.0", Some(Ending::Committed), 9),
        entry(Target::Core, "0.9.0", "1.0.0", Some(Ending::Deferred), 30),
    ]
}

/// A plan of three hops, of which the second is over.
pub(crate) fn journey() -> Journey {
    let hop = |from: &str, to: &str, because, update: Option<UpdateId>| Hop {
        from: Some(version(from)),
        to: version(to),
        because,
        ending: update.as_ref().map(|_| Ending::Committed),
        update,
    };
    let before = UpdateId::new(ago(90), &PlanId::of(Digest::of(b"plan")), 12);
    let (range, have) = (VersionReq::parse(">=2.0.0").unwrap(), version("1.5.0"));
    let reason = Reason::CoreRange { wanted: range, have };
    let bridge = Because::Bridge { next: Box::new(version("3.0.0")), reason: Box::new(reason) };
    Journey {
        plan: PlanId::of(Digest::of(b"plan")),
        target: notes_target(),
        hops: vec![
            hop("1.0.0", "1.5.0", Because::SteppingStone, Some(before)),
            hop("1.5.0", "2.0.0", bridge, Some(update())),
            hop("2.0.0", "3.0.0", Because::Goal, None),
        ],
        standing: JourneyStanding::UnderWay,
    }
}
