//! Closes or finishes what a crash left open. Runs once, when this process may ask for changes and
//! before any app that was being updated is served.

use std::sync::Arc;

use newleaf_domain::{PackageName, Target, UpdateId};
use newleaf_launcher::journal::{Cause, Ending, Entry, Failure, Record, StepId};
use newleaf_launcher::proto::Ask;
use newleaf_launcher::state::{AppSlot, AppState, AppTrial, BadRelease, CorePhase, Way};

use crate::Updater;
use crate::carry::{self, Errand};
use crate::explain::{ExitClass, Explain, chain};
use crate::phase::{Kind, Refused, State, Verdict};
use crate::port::{Counting, LauncherError, PluginError, Reach};
use crate::run::{Context, Run};
use crate::step::{Afterwards, AppSwitch, OFF, activate, release};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovered {
    /// Nothing was open.
    Clean,
    /// The launcher is at it.
    WithLauncher(UpdateId),
    /// It is over now.
    Closed(UpdateId),
    /// Its probation goes on.
    Resumed(UpdateId),
}

/// Why a crash could not be cleared up. Completes "failed to recover: …".
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// State or journal.
    #[error("the launcher does not answer")]
    Launcher(#[source] LauncherError),
    /// An app's data.
    #[error("the data of {app} could not be put back")]
    Data {
        /// The app.
        app: PackageName,
        /// Why.
        #[source]
        source: PluginError,
    },
    /// The journal tells a story that the table does not know.
    #[error("the journal and the table of states disagree")]
    Story(#[source] Refused),
    /// The end could not be recorded.
    #[error("the end of update {id} could not be recorded: {why}")]
    NotEnded {
        /// The update.
        id: UpdateId,
        /// Why.
        why: String,
    },
}

impl Explain for RecoverError {
    fn class(&self) -> ExitClass {
        ExitClass::Failed
    }

    fn done(&self) -> String {
        "the app it is about is not served; everything else is".to_owned()
    }

    fn todo(&self) -> String {
        "see to the disk: the host tries again by itself".to_owned()
    }
}

/// What broke an update off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Interruption {
    /// The process that carried it out ended.
    Stopped,
    /// Its records could not be written, for this reason.
    Unwritten(String),
}

impl std::fmt::Display for Interruption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stopped => f.write_str("the host was stopped in the middle"),
            Self::Unwritten(why) => {
                write!(f, "its records could not be written for a while: {why}")
            }
        }
    }
}

impl Updater {
    /// Closes or finishes the update that a crash left open, and puts back the data of any app
    /// that `state` still shows on trial.
    ///
    /// # Errors
    /// [`RecoverError`]; what is open is interrupted until [`Updater::mend`] can clear it up.
    pub async fn recover(self: &Arc<Self>) -> Result<Recovered, RecoverError> {
        let _door = self.starting().lock().await;
        let caught_up = self.catch_up().await;
        let open = self.ledger().await.map_err(RecoverError::Launcher)?.open();
        let found = match open {
            None => {
                self.remember_newest().await?;
                Recovered::Clean
            }
            Some(id) => {
                let taken = self.take_up(id.clone(), &Interruption::Stopped).await;
                taken.inspect_err(|error| self.hub().interrupt(&id, chain(error)))?
            }
        };
        if !matches!(found, Recovered::WithLauncher(_)) {
            self.put_back_stray_trials().await?;
        }
        self.tell_who_waits_for_a_choice().await?;
        caught_up.map(|()| found)
    }

    /// Writes again what `state` does not know any more: a version that the journal shows as
    /// switched to, where `state` was lost and the one written before it serves in its place.
    /// People have written through that version since, so its data is not put back.
    async fn catch_up(&self) -> Result<(), RecoverError> {
        let state = self.state();
        let mut result = Ok(());
        for (app, row) in &state.apps {
            let Some(trial) = &row.trial else { continue };
            let way = {
                let ledger = self.ledger().await.map_err(RecoverError::Launcher)?;
                ledger.switched(&trial.update, trial.slot.digest)
            };
            let Some(way) = way else { continue };
            if let Err(error) = self.commit_again(app, row, trial, way).await {
                tracing::error!(%app, error = chain(&error), "an app is not served until the next start");
                result = result.and(Err(error));
            }
        }
        result
    }

    async fn commit_again(
        &self,
        app: &PackageName,
        row: &AppState,
        trial: &AppTrial,
        way: Way,
    ) -> Result<(), RecoverError> {
        let launcher = &self.ports().launcher;
        let commit =
            activate::commit(app, &trial.slot, row.good.as_ref(), trial.snapshot.as_deref(), way);
        launcher.ask(commit).await.map_err(RecoverError::Launcher)?;
        self.serve(app, Some(&trial.slot), row).await?;
        let text = format!(
            "{app} {} is good, as update {} had made it; its data is as it was left",
            trial.slot.version, trial.update
        );
        let notice = launcher.append(None, Entry::Notice { text }).await;
        notice.map(drop).map_err(RecoverError::Launcher)
    }

    /// The pages of an app that waits for a person's choice say so after a restart, too.
    async fn tell_who_waits_for_a_choice(&self) -> Result<(), RecoverError> {
        let state = self.state();
        let off = state.apps.iter().filter(|(_, row)| row.disabled).map(|(app, _)| app);
        let off = off.collect::<Vec<_>>();
        if off.is_empty() {
            return Ok(());
        }
        let history = self.history().await.map_err(RecoverError::Launcher)?;
        for app in off {
            if let Some(choice) = self.choice_of(app, &history).await {
                self.ports().plugins.stop(app, &choice.why).await;
            }
        }
        Ok(())
    }

    /// Closes or finishes one update that was broken off.
    pub(crate) async fn take_up(
        self: &Arc<Self>,
        id: UpdateId,
        by: &Interruption,
    ) -> Result<Recovered, RecoverError> {
        let (began, state) = {
            let ledger = self.ledger().await.map_err(RecoverError::Launcher)?;
            (ledger.began(&id).cloned(), ledger.state(&id))
        };
        let (
            Some(Record { entry: Entry::Began { target, from, to, digest, way, .. }, .. }),
            Some(state),
        ) = (began, state)
        else {
            return Ok(Recovered::Clean);
        };
        if target == Target::Core && self.is_left_to_launcher(&id, digest).await? {
            return Ok(Recovered::WithLauncher(id));
        }
        // The last step has run and only the last record is missing.
        if let State::Ended(ending) = state {
            let failed = self.failed(&id).await?;
            self.remember_bad(&id, &target).await?;
            self.close(&id, ending, failed.map(|failure| failure.what)).await?;
            return Ok(Recovered::Closed(id));
        }
        let cx = Context {
            updater: self.clone(),
            id: id.clone(),
            target: target.clone(),
            from,
            to,
            way,
        };
        match target {
            Target::Core => self.take_up_core(cx, state, digest, by).await,
            Target::App(app) => self.take_up_app(cx, state, digest, (app, by)).await,
        }
    }

    /// From point A on the last records are the launcher's too: it writes them beside the first `Go`
    /// of whoever serves then, or at its own next start.
    async fn is_left_to_launcher(
        &self,
        id: &UpdateId,
        digest: newleaf_domain::Digest,
    ) -> Result<bool, RecoverError> {
        let ledger = self.ledger().await.map_err(RecoverError::Launcher)?;
        let Some(report) = ledger.report(id) else { return Ok(false) };
        let begun =
            |step: StepId| report.steps.iter().any(|row| row.step == step && row.started.is_some());
        let is_good = self.state().core.good.digest == digest;
        let closes = begun(StepId::Rollback) || begun(StepId::Commit) && is_good;
        let launcher = &self.ports().launcher;
        Ok(launcher.reach() == Reach::Host && begun(StepId::Activate) && closes)
    }

    /// From point A on core is the launcher's. Before it, nothing that serves has changed.
    async fn take_up_core(
        &self,
        cx: Context,
        state: State,
        digest: newleaf_domain::Digest,
        by: &Interruption,
    ) -> Result<Recovered, RecoverError> {
        let core = self.state().core.clone();
        let id = cx.id.clone();
        match core.phase {
            CorePhase::Trial | CorePhase::Probation => return Ok(Recovered::WithLauncher(id)),
            CorePhase::Expand if core.trial.is_some() => return Ok(Recovered::WithLauncher(id)),
            CorePhase::Idle | CorePhase::Expand if core.good.digest == digest => {
                self.close(&id, Ending::Committed, None).await?;
            }
            CorePhase::Idle | CorePhase::Expand => match state {
                State::At(StepId::Rollback) => {
                    let failed = self.failed(&id).await?;
                    Run::resumed(cx, state).go_back(failed, by.to_string()).await;
                }
                State::At(_) | State::Ended(_) => {
                    self.abort_core(&id, core.phase).await?;
                    undone(Run::resumed(cx, state), &id, by).await?;
                }
            },
        }
        Ok(Recovered::Closed(id))
    }

    async fn abort_core(&self, id: &UpdateId, phase: CorePhase) -> Result<(), RecoverError> {
        if phase == CorePhase::Expand {
            let abort = Ask::Abort { update: id.clone(), app: None, bad: None };
            self.ports().launcher.ask(abort).await.map_err(RecoverError::Launcher)?;
        }
        Ok(())
    }

    async fn take_up_app(
        self: &Arc<Self>,
        cx: Context,
        state: State,
        digest: newleaf_domain::Digest,
        (app, by): (PackageName, &Interruption),
    ) -> Result<Recovered, RecoverError> {
        let id = cx.id.clone();
        let row = self.state().apps.get(&app).cloned().unwrap_or_default();
        let switched =
            row.trial.is_none() && row.good.as_ref().is_some_and(|good| good.digest == digest);
        // What is found done is not done again: `state` is written, only the record is missing.
        let verdict = match state {
            State::At(StepId::Activate) if switched => Verdict::Passed,
            State::At(_) | State::Ended(_) => Verdict::Interrupted,
        };
        match state.next(Kind::App, verdict).map_err(RecoverError::Story)? {
            State::At(StepId::Release | StepId::Commit) => {
                let Some(new) = row.good else {
                    self.close(&id, Ending::Undone, Some("the app was removed".to_owned())).await?;
                    return Ok(Recovered::Closed(id));
                };
                self.resume(cx, AppSwitch { app, old: row.previous, new }).await?;
                Ok(Recovered::Resumed(id))
            }
            State::At(_) => {
                let failed = self.failed(&id).await?;
                Run::resumed(cx, state).go_back(failed, by.to_string()).await;
                Ok(Recovered::Closed(id))
            }
            State::Ended(_) => {
                undone(Run::resumed(cx, state), &id, by).await?;
                Ok(Recovered::Closed(id))
            }
        }
    }

    /// Serves the new version, unless it stays off, and watches it anew.
    async fn resume(self: &Arc<Self>, cx: Context, switch: AppSwitch) -> Result<(), RecoverError> {
        let data = |source| RecoverError::Data { app: switch.app.clone(), source };
        let plugins = &self.ports().plugins;
        if Afterwards::of(&cx, &switch.app).await == Afterwards::Serves {
            let was_off = self.is_off(&switch.app);
            release::switch_on(&cx, &switch.app).await.map_err(RecoverError::Launcher)?;
            if was_off || !self.is_loaded(&switch.app, &switch.new) {
                plugins.swap(&switch.app, &switch.new, Counting::GoesOn).await.map_err(data)?;
            }
            plugins.release(&switch.app).await.map_err(data)?;
        }
        tokio::spawn(carry::out(cx, Errand::AppProbation(Box::new(switch))));
        Ok(())
    }

    /// Whether this version is loaded and not stopped, held or not.
    pub(crate) fn is_loaded(&self, app: &PackageName, slot: &AppSlot) -> bool {
        let serving = self.ports().plugins.serving(app);
        serving.is_some_and(|it| it.stopped.is_none() && it.version == slot.version)
    }

    /// What failed in an update before it was interrupted.
    async fn failed(&self, id: &UpdateId) -> Result<Option<Failure>, RecoverError> {
        let ledger = self.ledger().await.map_err(RecoverError::Launcher)?;
        Ok(ledger.failure(id).map(|(_, failure)| failure.clone()))
    }

    /// The version that an update was to bring, where the journal says that it failed by its own
    /// fault. From point A on that is the launcher's to say of a core.
    async fn convicted(&self, id: &UpdateId) -> Result<Option<BadRelease>, RecoverError> {
        let ledger = self.ledger().await.map_err(RecoverError::Launcher)?;
        let failed = ledger.failure(id).filter(|(_, failure)| failure.cause == Cause::Release);
        let Some(((step, failure), began)) = failed.zip(ledger.began(id)) else { return Ok(None) };
        let Entry::Began { target, digest, way: Way::Forward, .. } = &began.entry else {
            return Ok(None);
        };
        let of_launcher = matches!(step, StepId::Activate | StepId::Probe | StepId::Commit);
        if *target == Target::Core && of_launcher {
            return Ok(None);
        }
        Ok(Some(BadRelease { digest: *digest, reason: failure.what.clone() }))
    }

    /// The newest update is over, but the launcher may have written that, which marks nothing that
    /// failed before point A.
    async fn remember_newest(&self) -> Result<(), RecoverError> {
        let newest = {
            let ledger = self.ledger().await.map_err(RecoverError::Launcher)?;
            let id = ledger.newest_update();
            id.and_then(|id| ledger.began(&id).map(|record| (id.clone(), record.entry.clone())))
        };
        match newest {
            Some((id, Entry::Began { target, .. })) => self.remember_bad(&id, &target).await,
            Some(_) | None => Ok(()),
        }
    }

    /// Marks a version that failed by its own fault, where the crash came before that. While the way
    /// back is not done, what does it marks the version, too.
    async fn remember_bad(&self, id: &UpdateId, target: &Target) -> Result<(), RecoverError> {
        let Some(bad) = self.convicted(id).await? else { return Ok(()) };
        let state = self.state();
        let on_trial = match target {
            Target::Core => state.core.trial.is_some(),
            Target::App(app) => state.apps.get(app).is_some_and(|row| row.trial.is_some()),
        };
        if on_trial || state.bad_reason(&bad.digest).is_some() {
            return Ok(());
        }
        let abort = Ask::Abort { update: id.clone(), app: target.app().cloned(), bad: Some(bad) };
        self.ports().launcher.ask(abort).await.map_err(RecoverError::Launcher)?;
        Ok(())
    }

    /// Every trial whose update is over. One that cannot be put back holds no other one back.
    pub(crate) async fn put_back_stray_trials(self: &Arc<Self>) -> Result<(), RecoverError> {
        let state = self.state();
        let mut result = Ok(());
        for (app, row) in &state.apps {
            let Some(trial) = &row.trial else { continue };
            if let Err(error) = self.put_back_stray(app, row, trial).await {
                tracing::error!(%app, error = chain(&error), "an app is not served: its data is not put back");
                result = result.and(Err(error));
            }
        }
        result
    }

    /// A trial whose update is over: its way back failed, or its end was written and `state` was
    /// not. The data is what the copy says.
    async fn put_back_stray(
        &self,
        app: &PackageName,
        row: &AppState,
        trial: &AppTrial,
    ) -> Result<(), RecoverError> {
        let data = |source| RecoverError::Data { app: app.clone(), source };
        let (plugins, launcher) = (&self.ports().plugins, &self.ports().launcher);
        if let Some(copy) = &trial.snapshot {
            plugins.restore(app, copy).await.map_err(data)?;
        }
        // What the update brought is not on trial any more: its way back was, whose data is
        // the old version's.
        let brought = self.digest_of(&trial.update).await;
        let goes_back = brought.is_some_and(|digest| digest != trial.slot.digest);
        let good = if goes_back { Some(&trial.slot) } else { row.good.as_ref() };
        if goes_back {
            let slot = Box::new(trial.slot.clone());
            let commit = Ask::CommitApp { app: app.clone(), slot, previous: None };
            launcher.ask(commit).await.map_err(RecoverError::Launcher)?;
        }
        let bad = self.convicted(&trial.update).await?;
        let abort = Ask::Abort { update: trial.update.clone(), app: Some(app.clone()), bad };
        launcher.ask(abort).await.map_err(RecoverError::Launcher)?;
        self.serve(app, good, row).await?;
        let text =
            format!("the data of {app} was put back as it was before update {}", trial.update);
        let notice = launcher.append(None, Entry::Notice { text }).await;
        notice.map(drop).map_err(RecoverError::Launcher)
    }

    /// Serves `good` again, unless the app is switched off. Since the switch to it people may have
    /// written, in a process that counted and is gone.
    async fn serve(
        &self,
        app: &PackageName,
        good: Option<&AppSlot>,
        row: &AppState,
    ) -> Result<(), RecoverError> {
        let data = |source| RecoverError::Data { app: app.clone(), source };
        let plugins = &self.ports().plugins;
        match good {
            Some(good) if !row.disabled => {
                plugins.swap(app, good, Counting::GoesOn).await.map_err(data)?;
                plugins.release(app).await.map_err(data)?;
            }
            Some(_) => plugins.stop(app, OFF).await,
            None => plugins.forget(app).await,
        }
        Ok(())
    }

    async fn close(
        &self,
        id: &UpdateId,
        ending: Ending,
        reason: Option<String>,
    ) -> Result<(), RecoverError> {
        let entry = Entry::Ended { ending, reason };
        self.ports().launcher.append(Some(id), entry).await.map_err(RecoverError::Launcher)?;
        Ok(())
    }
}

async fn undone(run: Run, id: &UpdateId, by: &Interruption) -> Result<(), RecoverError> {
    let ended = run.undone(&format!("{by}; nothing had changed")).await;
    ended.map_err(|stop| RecoverError::NotEnded { id: id.clone(), why: stop.why() })
}
