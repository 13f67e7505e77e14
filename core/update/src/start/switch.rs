//! Switches apps on and off and removes them: changes of what is served that bring no version.

use std::sync::Arc;

use newleaf_domain::{PackageName, Target};
use newleaf_launcher::journal::Entry;
use newleaf_launcher::proto::{AppChange, Ask};

use super::approval::AppData;
use super::error::StartError;
use crate::Updater;
use crate::port::{Counting, Kept};
use crate::step::OFF;
use crate::view::DataChoice;

impl Updater {
    /// Removes an app. Its slot goes with the next update's clearing up.
    ///
    /// # Errors
    /// [`StartError`]; where it is [`StartError::Data`] the app is gone and its data is not, else
    /// nothing was changed.
    pub async fn remove(&self, app: &PackageName, data: AppData) -> Result<(), StartError> {
        let _door = self.door().await?;
        if let Some(error) = self.not_installed(app) {
            return Err(error);
        }
        self.refuse_if_needed(app).await?;
        match (data, self.unfinished(app)) {
            (AppData::Keep, Some(error)) => return Err(error),
            // Half migrated data is worth nothing to a later install.
            (AppData::Erase, Some(_)) => {}
            (AppData::Keep | AppData::Erase, None) => self.note_kept(app).await?,
        }
        self.change_app(app, AppChange::Remove).await?;
        self.ports().plugins.forget(app).await;
        match data {
            AppData::Keep => Ok(()),
            AppData::Erase => {
                let now = self.ports().clock.now();
                self.ports().plugins.set_aside(app, now).await.map_err(StartError::Data)
            }
        }
    }

    /// What other installed apps need is not taken from under them.
    async fn refuse_if_needed(&self, app: &PackageName) -> Result<(), StartError> {
        let installed = self.installed().await.map_err(StartError::Store)?;
        let by = installed.needing(app).map(|(name, wanted)| (name.clone(), wanted.clone()));
        let by = by.collect::<Vec<_>>();
        if by.is_empty() { Ok(()) } else { Err(StartError::Needed { app: app.clone(), by }) }
    }

    /// Notes what the data is, for a later install; before the app goes, so that a crash between
    /// leaves nobody guessing.
    async fn note_kept(&self, app: &PackageName) -> Result<(), StartError> {
        let state = self.state();
        let Some(slot) = state.apps.get(app).and_then(|row| row.good.as_ref()) else {
            return Ok(());
        };
        let kept = Kept { schema: slot.schema, oldest_reader: slot.oldest_reader };
        self.ports().plugins.keep(app, kept).await.map_err(StartError::Store)
    }

    /// Switches an app on. One that is on already and serves goes on as it is. One that stopped
    /// because going back would have lost data is kept so: *keep and retry*.
    ///
    /// # Errors
    /// [`StartError`]; the app is as it was.
    pub async fn enable(&self, app: &PackageName) -> Result<(), StartError> {
        let _door = self.door().await?;
        if let Some(error) = self.unfinished(app) {
            return Err(error);
        }
        self.tries().forget(&Target::App(app.clone()));
        let plugins = &self.ports().plugins;
        let serves = plugins.serving(app).is_some_and(|serving| serving.stopped.is_none());
        let good = self.state().apps.get(app).and_then(|row| row.good.clone());
        let Some(slot) = good.filter(|_| self.is_off(app) || !serves) else {
            return self.change_app(app, AppChange::Enable).await.map(drop);
        };
        let history = self.history().await.map_err(StartError::Launcher)?;
        let choice = self.choice_of(app, &history).await;
        plugins.swap(app, &slot, Counting::GoesOn).await.map_err(StartError::Load)?;
        if let Some(choice) = choice {
            self.note_kept_version(app, &choice).await?;
        }
        if let Err(error) = self.change_app(app, AppChange::Enable).await {
            plugins.stop(app, OFF).await;
            return Err(error);
        }
        plugins.release(app).await.map_err(StartError::Load)
    }

    /// Notes beside the update that it was chosen to keep what it brought.
    async fn note_kept_version(
        &self,
        app: &PackageName,
        choice: &DataChoice,
    ) -> Result<(), StartError> {
        let text = format!("{app} {} is kept with all that was written with it", choice.keep);
        let noted =
            self.ports().launcher.append(Some(&choice.update), Entry::Notice { text }).await;
        noted.map(drop).map_err(StartError::Launcher)
    }

    /// Switches an app off.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn disable(&self, app: &PackageName) -> Result<(), StartError> {
        let _door = self.door().await?;
        self.change_app(app, AppChange::Disable).await?;
        self.ports().plugins.stop(app, "it was switched off by an admin").await;
        Ok(())
    }

    async fn change_app(
        &self,
        app: &PackageName,
        change: AppChange,
    ) -> Result<Arc<newleaf_launcher::state::State>, StartError> {
        if let Some(error) = self.not_installed(app) {
            return Err(error);
        }
        let ask = Ask::SetApp { app: app.clone(), change };
        self.ports().launcher.ask(ask).await.map_err(StartError::Launcher)
    }

    /// The refusal of a change to an app that is not here.
    fn not_installed(&self, app: &PackageName) -> Option<StartError> {
        let is_here = self.state().apps.contains_key(app);
        (!is_here).then(|| StartError::NotInstalled { app: app.clone() })
    }
}
