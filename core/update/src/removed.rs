//! Data of apps that were removed with it: set aside until a date, so that a slip can be mended, then
//! gone for good.

use newleaf_domain::{PackageName, Timestamp};
use newleaf_launcher::journal::Entry;

use crate::Updater;
use crate::explain::{ExitClass, Explain, chain};
use crate::port::{LauncherError, PluginError, Removed};
use crate::start::StartError;
use crate::view::KeptData;

/// Why data was not put back. Completes "failed to put the data back: …".
#[derive(Debug, thiserror::Error)]
pub enum PutBackError {
    /// The app is installed: what it works with is not exchanged under it.
    #[error("{app} is installed, and works with data of its own")]
    Installed {
        /// The app.
        app: PackageName,
    },
    /// There is data in its place already.
    #[error("data of {app} is in place already, kept when it was removed")]
    InPlace {
        /// The app.
        app: PackageName,
    },
    /// None is set aside, or not any more.
    #[error("no data of {app} is set aside, or its date has passed")]
    Nothing {
        /// The app.
        app: PackageName,
    },
    /// It may not begin now.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The folder.
    #[error("the folder could not be moved")]
    Data(#[source] PluginError),
    /// The journal.
    #[error("it could not be recorded")]
    Launcher(#[source] LauncherError),
}

impl Explain for PutBackError {
    fn class(&self) -> ExitClass {
        match self {
            Self::Start(error) => error.class(),
            Self::Installed { .. }
            | Self::InPlace { .. }
            | Self::Nothing { .. }
            | Self::Data(_)
            | Self::Launcher(_) => ExitClass::Failed,
        }
    }

    fn todo(&self) -> String {
        match self {
            Self::Installed { app } => format!(
                "remove it first, keeping or setting aside its data: newleaf apps remove {app} --keep-data"
            ),
            Self::InPlace { app } => format!("install it again: newleaf apps install {app}"),
            Self::Nothing { .. } => "newleaf apps list names what is set aside".to_owned(),
            Self::Start(error) => error.todo(),
            Self::Data(_) | Self::Launcher(_) => {
                "newleaf preflight names the folder and the command that mends it".to_owned()
            }
        }
    }
}

impl Updater {
    /// Puts the newest data that was set aside of a removed app back in its place, for a later
    /// install. `by` is who asked, for the journal.
    ///
    /// # Errors
    /// [`PutBackError`]; nothing was changed.
    pub async fn put_back(&self, app: &PackageName, by: &str) -> Result<(), PutBackError> {
        let _door = self.door().await?;
        if self.state().apps.contains_key(app) {
            return Err(PutBackError::Installed { app: app.clone() });
        }
        let plugins = &self.ports().plugins;
        if plugins.has_data(app).await.map_err(PutBackError::Data)? {
            return Err(PutBackError::InPlace { app: app.clone() });
        }
        let aside = self.set_aside().await.map_err(PutBackError::Data)?;
        let newest = aside.into_iter().filter(|it| it.app == *app).max_by_key(|it| it.at);
        let Some(newest) = newest else {
            return Err(PutBackError::Nothing { app: app.clone() });
        };
        plugins.put_back(&newest).await.map_err(PutBackError::Data)?;
        let text = format!("{by} put the data of {app} back that was removed at {}", newest.at);
        let noted = self.ports().launcher.append(None, Entry::Notice { text }).await;
        noted.map(drop).map_err(PutBackError::Launcher)
    }

    /// What removed apps left behind: in place for a later install, or set aside until its date.
    pub async fn kept_data(&self) -> Vec<KeptData> {
        let state = self.state();
        let mut found = Vec::new();
        let aside = self.set_aside().await.unwrap_or_else(|error| {
            tracing::warn!(error = chain(&error), "what is set aside cannot be listed");
            Vec::new()
        });
        for it in aside {
            let until = Some(self.gone_at(it.at));
            found.push(KeptData { app: it.app, until });
        }
        for app in self.ports().plugins.with_data().await {
            found.push(KeptData { app, until: None });
        }
        found.retain(|it| !state.apps.contains_key(&it.app));
        found.sort_by(|a, b| a.app.cmp(&b.app).then_with(|| b.until.cmp(&a.until)));
        found
    }

    /// When data that was set aside at `at` goes for good.
    pub(crate) fn gone_at(&self, at: Timestamp) -> Timestamp {
        let kept = i64::try_from(self.settings().removed_for.as_secs()).unwrap_or(i64::MAX);
        at.plus_seconds(kept)
    }

    /// What is set aside and not yet due to go. Where that cannot be read, and while the clock is
    /// not to be believed, nothing may be taken for due.
    pub(crate) async fn set_aside(&self) -> Result<Vec<Removed>, PluginError> {
        let now = self.ports().clock.now();
        let is_doubted = !self.doubted_for(self.settings().removed_for).is_zero();
        let mut found = self.ports().plugins.set_aside_list().await?;
        found.retain(|it| is_doubted || self.gone_at(it.at) > now);
        Ok(found)
    }
}
