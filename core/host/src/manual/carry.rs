//! Lays a trial of the dropped program ready, with the records of any update: the launcher extends
//! the schema, tries it and watches it when it starts next, which is at once.

use std::path::Path;

use newleaf_domain::{Clock, PlanId, Target, UpdateId};
use newleaf_launcher::StoppedHost;
use newleaf_launcher::journal::{Cause, Ending, Entry, Failure, Outcome, StepId};
use newleaf_launcher::offline::OfflineError;
use newleaf_launcher::proto::{Answer, Ask};
use newleaf_launcher::state::Image;

use super::copy;
use super::decide::{Dropped, Trial};

/// Why nothing is rehearsed or compiled ahead.
const STARTING: &str = "the host is starting, and waits for it";

/// The update of which the records are.
struct Records<'a> {
    host: &'a mut StoppedHost,
    id: UpdateId,
}

/// Records, copies, arms. A machine that refuses ends the update, and the next start tries again.
pub(super) fn out(
    host: &mut StoppedHost,
    clock: &dyn Clock,
    dropped: &Dropped,
    trial: Trial,
    image: &Path,
) -> Result<(), OfflineError> {
    let plan = PlanId::of(trial.slot.digest);
    let id = UpdateId::new(clock.now(), &plan, host.last_record() + 1);
    let from = host.state().core.good.version.clone();
    let layout = host.layout().clone();
    let mut records = Records { host, id };
    let path = dropped.path.display();
    records.append(Entry::Began {
        target: Target::Core,
        from: Some(from.clone()),
        to: trial.slot.version.clone(),
        digest: trial.slot.digest,
        plan,
        way: trial.way,
        by: format!("manual:{path}"),
    })?;
    let found = format!("{} was found at {path}, where {from} serves", trial.slot.version);
    records.step(StepId::Check, Outcome::Done { detail: found })?;
    let here = format!("the program lies at {path}");
    records.step(StepId::Fetch, Outcome::Skipped { why: here })?;
    records.step(
        StepId::Verify,
        match trial.provenance {
            Ok(release) => Outcome::Done { detail: format!("it is the signed {release}") },
            Err(why) => Outcome::Warned { why: format!("{why}: it is tried as it is") },
        },
    )?;
    records.append(Entry::Started { step: StepId::Stage })?;
    if let Err(error) = copy::into_slot(&layout, &trial.slot, image) {
        let folder = layout.core_slots();
        let what = format!("{path} could not be copied to {}: {error}", folder.display());
        return records.fail(StepId::Stage, what);
    }
    let detail = trial.slot.folder();
    records.finished(StepId::Stage, Outcome::Done { detail })?;
    records.step(StepId::Rehearse, Outcome::Skipped { why: STARTING.to_owned() })?;
    records.step(StepId::Prewarm, Outcome::Skipped { why: STARTING.to_owned() })?;
    let arm = Ask::Arm {
        update: records.id.clone(),
        slot: Box::new(trial.slot),
        way: trial.way,
        expand_within_ms: None,
    };
    if let Answer::Refused { why, .. } = records.host.ask(&arm)? {
        return records.fail(StepId::Expand, why);
    }
    records.host.know_image(Image { digest: dropped.binary, note: trial.note })
}

impl Records<'_> {
    fn append(&mut self, entry: Entry) -> Result<(), OfflineError> {
        self.host.append(Some(self.id.clone()), entry).map(drop)
    }

    fn finished(&mut self, step: StepId, outcome: Outcome) -> Result<(), OfflineError> {
        self.append(Entry::Finished { step, outcome })
    }

    fn step(&mut self, step: StepId, outcome: Outcome) -> Result<(), OfflineError> {
        self.append(Entry::Started { step })?;
        self.finished(step, outcome)
    }

    fn fail(&mut self, step: StepId, what: String) -> Result<(), OfflineError> {
        let failure = Failure {
            what: what.clone(),
            done: "nothing was changed; the host starts with what served before".to_owned(),
            todo: "mend the machine; the next start tries the program again".to_owned(),
            cause: Cause::Machine,
        };
        self.append(Entry::Failed { step, failure })?;
        self.append(Entry::Ended { ending: Ending::Failed, reason: Some(what) })
    }
}
