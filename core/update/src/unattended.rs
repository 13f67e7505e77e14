//! What is updated without anyone being asked: apps that a new core suspended, as soon as a version
//! comes that runs on it, and whatever the settings say is updated by itself. A plan that waits for
//! a person is left to that person, with its reason.

use std::sync::Arc;
use std::time::Duration;

use newleaf_domain::{Target, UpdateId};
use newleaf_launcher::state::State;
use newleaf_plan::{Automatic, Change, Installed, Outcome, Plan, WaitsFor};

use crate::explain::{Explain, chain};
use crate::port::LauncherError;
use crate::refresh::Known;
use crate::settings::Checks;
use crate::{Approval, Consent, Leeway, StartError, Updater};

/// Who begins what nobody asked for, in the journal and the history.
pub const BY_ITSELF: &str = "newleaf";

/// Between two tries to begin what has to wait for an older worker's end, which is near.
pub(crate) const AGAIN: Duration = Duration::from_secs(1);

impl Updater {
    /// Begins the first update that may be begun without anyone being asked; none where there is
    /// none, or another one runs. The end of an older worker is waited for: nobody is there to try
    /// again. What it finds it learnt at its last look at the repository. A release that was begun
    /// so, and failed, waits: 1 min, then twice as long each time, up to 6 h, until another release
    /// comes or a person does something about the target.
    pub async fn by_itself(self: &Arc<Self>) -> Option<UpdateId> {
        if self.settings().checks == Checks::Off {
            return None;
        }
        match self.running().await {
            Ok(None) => {}
            Ok(Some(_)) => return None,
            Err(error) => {
                tracing::warn!(error = chain(&error), "nothing is updated by itself");
                return None;
            }
        }
        for target in self.unattended(&self.state()) {
            match self.begin_after_older_workers(&target).await {
                Ok(Some(update)) => return Some(update),
                Ok(None) => {}
                Err(error) => {
                    let (error, todo) = (chain(&error), error.todo());
                    tracing::warn!(%target, error, todo, "it is not updated by itself");
                }
            }
        }
        None
    }

    /// The time until [`Updater::by_itself`] may try again what has failed; none where nothing waits.
    pub fn tries_again_in(&self) -> Option<Duration> {
        self.tries().next(self.ports().ground.passed())
    }

    async fn begin_after_older_workers(
        self: &Arc<Self>,
        target: &Target,
    ) -> Result<Option<UpdateId>, StartError> {
        loop {
            match self.begin_by_itself(target).await {
                Err(StartError::Launcher(LauncherError::Busy { .. })) => {
                    tokio::time::sleep(AGAIN).await;
                }
                begun => return begun,
            }
        }
    }

    /// The targets that may be updated by themselves: suspended apps first, then core and apps in
    /// the order of their names.
    fn unattended(&self, state: &State) -> Vec<Target> {
        let apps = || state.apps.keys().cloned().map(Target::App);
        let suspended = apps().filter(|target| self.is_suspended(target));
        let others = apps().filter(|target| !self.is_suspended(target));
        let others = others.chain([Target::Core]);
        let others = others.filter(|target| self.automatic(target) != Automatic::Off);
        suspended.chain(others).collect()
    }

    /// Whether the app is on and cannot be served by this core.
    pub(crate) fn is_suspended(&self, target: &Target) -> bool {
        let Target::App(app) = target else { return false };
        let state = self.state();
        let is_on = state
            .apps
            .get(app)
            .is_some_and(|row| row.good.is_some() && row.trial.is_none() && !row.disabled);
        let serving = self.ports().plugins.serving(app);
        is_on && serving.is_some_and(|serving| serving.left_behind)
    }

    /// How far `target` goes by itself now: one that is suspended serves nobody and goes as far as
    /// there is a version.
    fn allowed(&self, target: &Target) -> Automatic {
        if self.is_suspended(target) { Automatic::Major } else { self.automatic(target) }
    }

    async fn begin_by_itself(
        self: &Arc<Self>,
        target: &Target,
    ) -> Result<Option<UpdateId>, StartError> {
        if let Err(error) = self.recall().await {
            tracing::debug!(error = chain(&error), "nothing is recalled of the repository");
        }
        let Some(known) = self.known() else { return Ok(None) };
        let planned = self.choose(&known, target, None).await.map_err(StartError::Store)?;
        let Outcome::Plan(plan) = planned.outcome else { return Ok(None) };
        if let Some(waits) = plan.waits_for(self.allowed(target)) {
            tracing::info!(%target, %waits, "an update waits for a yes");
            return Ok(None);
        }
        if plan.goal().is_some_and(Change::is_downgrade) {
            return Ok(None);
        }
        let Some(goal) = plan.goal().map(|goal| goal.digest) else { return Ok(None) };
        let wait = self.tries().wait(target, &goal, self.ports().ground.passed());
        if !wait.is_zero() {
            tracing::debug!(%target, wait_s = wait.as_secs(), "an update that failed waits");
            return Ok(None);
        }
        self.remember(&plan, target, None).await.map_err(StartError::Store)?;
        let approval = Approval::new(plan.id, Consent::NotGiven, BY_ITSELF.to_owned())
            .with_leeway(Leeway::of_host());
        let begun = self.start(approval).await;
        // An older worker's end is waited for and is no try.
        if !matches!(begun, Err(StartError::Launcher(LauncherError::Busy { .. }))) {
            self.tries().begun(target, goal, self.ports().ground.passed());
        }
        begun.map(Some)
    }

    /// Why the newest release of `target` is not installed by itself, where it otherwise would be.
    pub(crate) fn waits_for(
        &self,
        known: &Known,
        installed: &Installed,
        target: &Target,
    ) -> Option<WaitsFor> {
        let allowed = self.allowed(target);
        if allowed == Automatic::Off {
            return None;
        }
        let request = newleaf_plan::Request { target: target.clone(), version: None };
        let now = self.ports().clock.now();
        let planned = newleaf_plan::plan(installed, &known.targets, &self.policy(), &request, now);
        planned.plan().and_then(|plan: &Plan| plan.waits_for(allowed))
    }
}
