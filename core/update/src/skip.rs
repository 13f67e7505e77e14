//! A no to one version: it is not offered any more until an admin takes the no back, and what comes
//! after it is. Changes nothing that runs.

use newleaf_domain::{Target, Version};
use newleaf_launcher::journal::Entry;

use crate::Updater;
use crate::explain::{CHECK_THE_NAME, ExitClass, Explain, chain};
use crate::port::{LauncherError, PolicyError, StoreError};
use crate::view::SkipView;

/// Whether a version is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Skip {
    /// It is not, until the no is taken back.
    Refuse,
    /// It is again.
    Offer,
}

/// Why a no was not kept, or not taken back. Completes "failed to skip …".
#[derive(Debug, thiserror::Error)]
pub enum SkipError {
    /// Nothing is offered, so there is nothing to say no to.
    #[error("nothing newer is offered of {target}")]
    NothingOffered {
        /// What was named.
        target: Target,
    },
    /// It is not installed.
    #[error("{target} is not installed")]
    NotInstalled {
        /// What was named.
        target: Target,
    },
    /// No version of it was refused.
    #[error("{} of {target} was refused", version.as_ref().map_or("no version".to_owned(), |it| format!("{it}, which is named, is not what")))]
    NotSkipped {
        /// What was named.
        target: Target,
        /// The version that was named.
        version: Option<Version>,
    },
    /// It could not be kept.
    #[error(transparent)]
    Policy(PolicyError),
    /// What is kept on disk cannot be read.
    #[error("what is kept on disk failed")]
    Store(#[source] StoreError),
    /// The journal.
    #[error("the decision could not be recorded")]
    Launcher(#[source] LauncherError),
}

impl Explain for SkipError {
    fn class(&self) -> ExitClass {
        match self {
            Self::NotInstalled { .. } => ExitClass::Usage,
            Self::NothingOffered { .. }
            | Self::NotSkipped { .. }
            | Self::Policy(_)
            | Self::Store(_)
            | Self::Launcher(_) => ExitClass::Failed,
        }
    }

    fn todo(&self) -> String {
        match self {
            Self::NotInstalled { .. } => CHECK_THE_NAME.to_owned(),
            Self::NothingOffered { target } => {
                format!("name the version: newleaf update {target} --list names those there are")
            }
            Self::NotSkipped { target, .. } => {
                format!("newleaf update {target} --list says which versions are refused")
            }
            Self::Policy(error) => error.todo.clone(),
            Self::Store(_) | Self::Launcher(_) => {
                "newleaf preflight names the folder and the command that mends it".to_owned()
            }
        }
    }
}

impl Updater {
    /// Says no to `version` of `target`, or takes that back; where none is named, to the version
    /// that is offered now, or to every no there is. `by` is who says so, for the journal.
    ///
    /// # Errors
    /// [`SkipError`]; what is offered stays as it was.
    pub async fn skip(
        &self,
        target: &Target,
        version: Option<Version>,
        skip: Skip,
        by: &str,
    ) -> Result<SkipView, SkipError> {
        let mut skipped = self.policy().skipped.get(target).cloned().unwrap_or_default();
        let before = skipped.clone();
        let is_here = target.app().is_none_or(|app| self.state().apps.contains_key(app));
        if before.is_empty() && !is_here {
            return Err(SkipError::NotInstalled { target: target.clone() });
        }
        let named = match (skip, version) {
            (Skip::Refuse, version) => {
                let version = match version {
                    Some(version) => version,
                    None => self.offered(target).await?,
                };
                skipped.insert(version.clone());
                version.to_string()
            }
            (Skip::Offer, Some(version)) => {
                if !skipped.remove(&version) {
                    let version = Some(version);
                    return Err(SkipError::NotSkipped { target: target.clone(), version });
                }
                version.to_string()
            }
            (Skip::Offer, None) => {
                let each = skipped.iter().map(ToString::to_string).collect::<Vec<_>>();
                if each.is_empty() {
                    return Err(SkipError::NotSkipped { target: target.clone(), version: None });
                }
                skipped.clear();
                each.join(", ")
            }
        };
        if skipped != before {
            let put = self.ports().policies.put_skipped(target, &skipped).await;
            put.map_err(SkipError::Policy)?;
            self.refuse(target, skipped.clone());
            let text = match skip {
                Skip::Refuse => format!("{by} refused {target} {named}; it is not offered"),
                Skip::Offer => format!("{by} lets {target} {named} be offered again"),
            };
            let noted = self.ports().launcher.append(None, Entry::Notice { text }).await;
            noted.map_err(SkipError::Launcher)?;
        }
        Ok(SkipView { target: target.clone(), skipped: skipped.into_iter().collect() })
    }

    /// The version of `target` that is offered now.
    async fn offered(&self, target: &Target) -> Result<Version, SkipError> {
        if let Err(error) = self.recall().await {
            tracing::debug!(error = chain(&error), "nothing is recalled of the repository");
        }
        let nothing = || SkipError::NothingOffered { target: target.clone() };
        let known = self.known().ok_or_else(nothing)?;
        let installed = self.installed().await.map_err(SkipError::Store)?;
        let survey = self.survey(&known, &installed, target);
        survey.best().map(|best| best.version.clone()).ok_or_else(nothing)
    }
}
