//! Holds a yes against what would be done now: the plan made again, what it asks for, whom it
//! leaves behind.

use newleaf_domain::{Target, Version};
use newleaf_plan::{Change, Installed, Request, Stale, recheck};

use super::approval::{Approval, Consent, Leeway};
use super::error::StartError;
use crate::carry::Errand;
use crate::planning::PlanError;
use crate::proof::Listed;
use crate::refresh::{CheckError, Known};
use crate::view::StalePlan;
use crate::{Rehearsal, Updater};

impl Updater {
    /// The first change of the approved plan, made again now, and the signed file behind it. A
    /// plan's other changes are begun by [`Updater::go_on`], each once the one before was kept.
    pub(crate) async fn approved(
        &self,
        approval: &Approval,
    ) -> Result<(Change, Listed), StartError> {
        let memo = self.recall_plan(&approval.plan).await.map_err(StartError::from)?;
        let check = |error: CheckError| StartError::from(PlanError::Check(error));
        let known = self.known_for(&memo.target).await.map_err(check)?;
        let installed = self.installed().await.map_err(StartError::Store)?;
        let request = Request { target: memo.target.clone(), version: memo.version.clone() };
        let (policy, now) = (&self.policy(), self.ports().clock.now());
        let (planned, stale) =
            recheck(&memo.plan, &installed, &known.targets, policy, &request, now);
        let plan = planned.plan().cloned();
        if let Some(stale) = stale {
            return Err(self.stale(&stale, memo.target, memo.version, plan).await);
        }
        let changes = plan.map(|plan| plan.changes).unwrap_or_default();
        // A yes is asked for once, before the first hop, for what any of them asks.
        let asking = changes.iter().find(|change| change.needs_consent());
        if let Some(change) = asking.filter(|_| approval.consent == Consent::NotGiven) {
            let wider = self.worded_grants(&known, change).await;
            let target = change.target.clone();
            return Err(StartError::ConsentNeeded { target, changes: wider });
        }
        if let Some(error) = self.leaves_behind(approval, &changes, &known, &installed) {
            return Err(error);
        }
        let Some(change) = changes.into_iter().next() else {
            return Err(self.stale(&Stale::Empty, memo.target, memo.version, None).await);
        };
        match listed(&known, &change) {
            Some(listed) => Ok((change, listed)),
            None => Err(StartError::NotListed { path: change.path }),
        }
    }

    /// Apps that the new core does not run are named before anything begins, unless an admin said
    /// that they are suspended, or the settings say that core goes on whatever breaks.
    fn leaves_behind(
        &self,
        approval: &Approval,
        changes: &[Change],
        known: &Known,
        installed: &Installed,
    ) -> Option<StartError> {
        let goal = changes.last().filter(|goal| goal.target == Target::Core);
        let (Some(goal), Consent::NotGiven, Rehearsal::Required) =
            (goal, approval.suspend, self.settings().rehearsal)
        else {
            return None;
        };
        let apps = newleaf_plan::left_behind(installed, &known.targets, &self.policy(), &goal.to);
        (!apps.is_empty()).then_some(StartError::LeavesBehind { apps })
    }

    /// Says why a plan is old, and remembers the one that takes its place.
    async fn stale(
        &self,
        stale: &Stale,
        target: Target,
        version: Option<Version>,
        replacement: Option<newleaf_plan::Plan>,
    ) -> StartError {
        if let Some(plan) = &replacement
            && let Err(error) = self.remember(plan, &target, version).await
        {
            return StartError::Store(error);
        }
        StartError::Stale(Box::new(StalePlan { why: stale.to_string(), target, replacement }))
    }
}

/// What carries a planned change out.
pub(crate) fn errand_of(listed: Listed, suspend: Consent, leeway: Leeway) -> Errand {
    match listed.change().target.clone() {
        Target::Core => Errand::Core { listed: Box::new(listed), suspend },
        Target::App(app) => Errand::App { app, listed: Box::new(listed), leeway },
    }
}

/// The signed file behind a change; none where no signed role lists it.
pub(crate) fn listed(known: &Known, change: &Change) -> Option<Listed> {
    let file = known.targets.file(&change.path).filter(|file| file.sha256 == change.digest)?;
    let signer = match &change.target {
        Target::App(app) => known.targets.signers.get(&app.namespace()).cloned(),
        Target::Core => None,
    };
    Some(Listed::new(change.clone(), file.clone(), signer))
}
