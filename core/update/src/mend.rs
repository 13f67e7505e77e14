//! Takes up what this very process had to let lie: an update whose records the disk refused stands
//! still, is told as interrupted, and is finished or undone once the disk takes writes again.
//!
//! It is what [`recover`](crate::recover) does after a crash, with two differences: the app may be
//! held by this process, and nobody else may touch an update that still runs.

use std::sync::Arc;
use std::time::Duration;

use newleaf_domain::{PackageName, Target, UpdateId};
use newleaf_launcher::journal::{Entry, StepId};

use crate::Updater;
use crate::explain::chain;
use crate::phase::State;
use crate::port::{Counting, PluginError};
use crate::recover::{Interruption, RecoverError, Recovered};
use crate::settings::Mending;

/// What the journal says once the disk takes records again.
const TAKEN_UP: &str = "the disk takes records again; what stood still is taken up";

impl Updater {
    /// Why an update stands still: the disk refused its records. None where it runs or is over.
    pub fn interruption(&self, id: &UpdateId) -> Option<String> {
        self.hub().interruption(id)
    }

    /// Tries once to clear up what stands still. None where there is nothing, or an update runs.
    ///
    /// # Errors
    /// [`RecoverError`]; it still stands still.
    pub async fn mend(self: &Arc<Self>) -> Result<Option<Recovered>, RecoverError> {
        let _door = self.starting().lock().await;
        let open = self.ledger().await.map_err(RecoverError::Launcher)?.open();
        self.hub().keep_only(open.as_ref());
        let found = match open {
            None => Recovered::Clean,
            Some(id) => match self.interruption(&id) {
                None => return Ok(None),
                Some(why) => self.mend_update(id, why).await?,
            },
        };
        // What goes on may put an app on trial by itself.
        if matches!(found, Recovered::Clean | Recovered::Closed(_)) {
            self.put_back_stray_trials().await?;
        }
        if let Recovered::Closed(id) = &found
            && let Some(app) = self.app_of(id).await?
        {
            self.let_serve(&app).await?;
        }
        Ok(Some(found))
    }

    /// Clears up whatever stands still, for as long as this process lives; at once where `first`
    /// could not clear up after a crash.
    pub async fn keep_mending(self: Arc<Self>, first: Result<Recovered, RecoverError>) {
        let mut interruptions = self.hub().interruptions();
        let mut is_owed = first.is_err();
        loop {
            if !is_owed && interruptions.wait_for(|all| !all.is_empty()).await.is_err() {
                return;
            }
            self.mend_until_done().await;
            is_owed = false;
        }
    }

    async fn mend_until_done(self: &Arc<Self>) {
        let Mending { mut pause, most, held } = self.settings().mending;
        let (mut waited, mut told) = (Duration::ZERO, String::new());
        loop {
            tokio::time::sleep(pause).await;
            match self.mend().await {
                Ok(None | Some(Recovered::Clean)) => return,
                Ok(Some(found)) => return tracing::info!(?found, "what stood still is cleared up"),
                Err(error) => {
                    let why = chain(&error);
                    if why != told {
                        tracing::warn!(why, "an update stands still; it is tried again");
                        told = why;
                    }
                }
            }
            waited += pause;
            if waited >= held {
                self.answer_who_waits(&told).await;
            }
            pause = (pause * 2).min(most);
        }
    }

    async fn mend_update(
        self: &Arc<Self>,
        id: UpdateId,
        why: String,
    ) -> Result<Recovered, RecoverError> {
        self.note_taken_up(&id).await?;
        self.hub().take_up(&id);
        let result = self.take_up(id.clone(), &Interruption::Unwritten(why)).await;
        if let Err(error) = &result {
            self.hub().interrupt(&id, chain(error));
        }
        match (&result, self.interruption(&id)) {
            // It stopped again on its way back, and has said so.
            (Ok(Recovered::Closed(_)), Some(why)) => Err(RecoverError::NotEnded { id, why }),
            (Ok(_) | Err(_), _) => result,
        }
    }

    /// The record that says so is also what shows that the disk takes records again.
    async fn note_taken_up(&self, id: &UpdateId) -> Result<(), RecoverError> {
        let is_told = {
            let ledger = self.ledger().await.map_err(RecoverError::Launcher)?;
            let last = ledger.of(id).next_back();
            last.is_some_and(
                |last| matches!(&last.entry, Entry::Notice { text } if text == TAKEN_UP),
            )
        };
        if !is_told {
            let notice = Entry::Notice { text: TAKEN_UP.to_owned() };
            let told = self.ports().launcher.append(Some(id), notice).await;
            told.map_err(RecoverError::Launcher)?;
        }
        Ok(())
    }

    /// Lets requests reach the version that `state` names, whatever this process did to it.
    async fn let_serve(&self, app: &PackageName) -> Result<(), RecoverError> {
        let data = |source: PluginError| RecoverError::Data { app: app.clone(), source };
        let (state, plugins) = (self.state(), &self.ports().plugins);
        let row = state.apps.get(app);
        match row.and_then(|row| row.good.as_ref()) {
            Some(_) if self.is_off(app) => Ok(()),
            Some(good) => {
                if !self.is_loaded(app, good) {
                    plugins.swap(app, good, Counting::GoesOn).await.map_err(data)?;
                }
                plugins.release(app).await.map_err(data)
            }
            None => {
                plugins.forget(app).await;
                Ok(())
            }
        }
    }

    /// The disk goes on refusing: those who wait for an app that is held are let in where nothing
    /// has changed, else told why it does not serve.
    async fn answer_who_waits(&self, why: &str) {
        let Ok(ledger) = self.ledger().await else { return };
        let Some(id) = ledger.open() else { return };
        let at = ledger.state(&id);
        let Some(app) = ledger.began(&id).and_then(|record| app_of(&record.entry)) else { return };
        drop(ledger);
        let state = self.state();
        let trial = state.apps.get(&app).and_then(|row| row.trial.as_ref());
        let on_trial = trial.is_some_and(|trial| trial.update == id);
        let Some(State::At(step)) = at.filter(|_| !self.is_off(&app)) else { return };
        match step {
            StepId::Hold | StepId::Snapshot if !on_trial => {
                if let Err(error) = self.let_serve(&app).await {
                    tracing::warn!(%app, error = chain(&error), "an app is still held");
                }
            }
            StepId::Hold
            | StepId::Snapshot
            | StepId::Migrate
            | StepId::Health
            | StepId::Activate => self.stand_still(&app, why).await,
            StepId::Rollback if on_trial => self.stand_still(&app, why).await,
            StepId::Check
            | StepId::Fetch
            | StepId::Verify
            | StepId::Stage
            | StepId::Rehearse
            | StepId::Prewarm
            | StepId::Expand
            | StepId::Probe
            | StepId::Release
            | StepId::Commit
            | StepId::Rollback => {}
        }
    }

    async fn stand_still(&self, app: &PackageName, why: &str) {
        let reason = format!("its update stands still until the disk takes writes again: {why}");
        self.ports().plugins.stop(app, &reason).await;
    }

    async fn app_of(&self, id: &UpdateId) -> Result<Option<PackageName>, RecoverError> {
        let ledger = self.ledger().await.map_err(RecoverError::Launcher)?;
        Ok(ledger.began(id).and_then(|record| app_of(&record.entry)))
    }
}

/// The app that an update's first record names.
fn app_of(entry: &Entry) -> Option<PackageName> {
    match entry {
        Entry::Began { target: Target::App(app), .. } => Some(app.clone()),
        Entry::Began { target: Target::Core, .. }
        | Entry::Started { .. }
        | Entry::Finished { .. }
        | Entry::Failed { .. }
        | Entry::Ended { .. }
        | Entry::Notice { .. }
        | Entry::Unknown => None,
    }
}
