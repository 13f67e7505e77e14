//! Which channel core and each app follow, and the word that changes it.

use newleaf_domain::{Channel, Target};
use newleaf_launcher::journal::Entry;
use newleaf_plan::Age;

use crate::Updater;
use crate::explain::{CHECK_THE_NAME, ExitClass, Explain, chain};
use crate::port::{LauncherError, PolicyError, StoreError};
use crate::start::Consent;
use crate::view::ChannelView;

/// Why a channel was not changed. Completes "failed to change the channel: …".
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// It is not installed.
    #[error("{target} is not installed")]
    NotInstalled {
        /// What was named.
        target: Target,
    },
    /// The channel is not for everyone, and nobody said that this is understood.
    #[error("{target} follows {channel} only with a yes: {warning}")]
    ConsentNeeded {
        /// What was named.
        target: Target,
        /// The channel.
        channel: Channel,
        /// What must be understood.
        warning: &'static str,
    },
    /// It could not be kept.
    #[error(transparent)]
    Policy(PolicyError),
    /// What is kept on disk cannot be read.
    #[error("what is kept on disk failed")]
    Store(#[source] StoreError),
    /// The journal.
    #[error("the change could not be recorded")]
    Launcher(#[source] LauncherError),
}

impl Explain for ChannelError {
    fn class(&self) -> ExitClass {
        match self {
            Self::ConsentNeeded { .. } => ExitClass::Blocked,
            Self::NotInstalled { .. } => ExitClass::Usage,
            Self::Policy(_) | Self::Store(_) | Self::Launcher(_) => ExitClass::Failed,
        }
    }

    fn todo(&self) -> String {
        match self {
            Self::NotInstalled { .. } => CHECK_THE_NAME.to_owned(),
            Self::ConsentNeeded { target, channel, .. } => {
                format!("if that is understood: newleaf channel {target} {channel} --yes")
            }
            Self::Policy(error) => error.todo.clone(),
            Self::Store(_) | Self::Launcher(_) => {
                "newleaf preflight names the folder and the command that mends it".to_owned()
            }
        }
    }
}

impl Updater {
    /// The channel of core and of each installed app.
    ///
    /// # Errors
    /// What is kept on disk cannot be read.
    pub async fn channels(&self) -> Result<Vec<ChannelView>, StoreError> {
        let state = self.state();
        let apps = state.apps.keys().cloned().map(Target::App);
        let mut views = Vec::new();
        for target in std::iter::once(Target::Core).chain(apps) {
            views.push(self.channel_view(target).await?);
        }
        Ok(views)
    }

    /// Lets `target` follow `channel` from now on. Nothing that runs is changed by it. A channel
    /// that is not for everyone needs a yes; `by` is who gave it, for the journal.
    ///
    /// # Errors
    /// [`ChannelError`]; the channel stays.
    pub async fn set_channel(
        &self,
        target: &Target,
        channel: Channel,
        consent: Consent,
        by: &str,
    ) -> Result<ChannelView, ChannelError> {
        let state = self.state();
        let is_there = target.app().is_none_or(|app| state.apps.contains_key(app));
        if !is_there {
            return Err(ChannelError::NotInstalled { target: target.clone() });
        }
        let before = self.channel(target);
        if channel != before {
            if let Some(warning) = channel.warning().filter(|_| consent == Consent::NotGiven) {
                return Err(ChannelError::ConsentNeeded {
                    target: target.clone(),
                    channel,
                    warning,
                });
            }
            let put = self.ports().policies.put_channel(target, channel).await;
            put.map_err(ChannelError::Policy)?;
            self.follow(target, channel);
            let text = format!("{by} lets {target} follow {channel}; it followed {before}");
            let noted = self.ports().launcher.append(None, Entry::Notice { text }).await;
            noted.map_err(ChannelError::Launcher)?;
        }
        self.channel_view(target.clone()).await.map_err(ChannelError::Store)
    }

    /// The channel that `target` follows.
    pub(crate) fn channel(&self, target: &Target) -> Channel {
        self.policy().channels.get(target).copied().unwrap_or_default()
    }

    async fn channel_view(&self, target: Target) -> Result<ChannelView, StoreError> {
        if let Err(error) = self.recall().await {
            tracing::debug!(error = chain(&error), "nothing is recalled of the repository");
        }
        let channel = self.channel(&target);
        let mut stays = None;
        if let Some(known) = self.known() {
            let survey = self.survey(&known, &self.installed().await?, &target);
            let runs = survey.candidates.into_iter().find(|one| one.age == Age::Same);
            stays = runs.filter(|one| !channel.takes(one.channel)).map(|one| {
                format!(
                    "{target} {} is of the {} channel and stays: leaving a channel takes nothing \
                     back. What comes next is the first {channel} release above it.",
                    one.version, one.channel
                )
            });
        }
        let warning = channel.warning().map(str::to_owned);
        Ok(ChannelView { target, channel, warning, stays })
    }
}
