//! What else there is: apps of the repository that are not installed, and the names people know
//! apps by. Changes nothing.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt as _};
use newleaf_domain::{Manifest, PackageName, Target};
use newleaf_launcher::state::AppState;
use newleaf_plan::{Candidate, Installed};

use crate::Updater;
use crate::overview::offer;
use crate::port::SlotRef;
use crate::refresh::{CheckError, Interest, Known};
use crate::view::{KeptData, ShelfRow};

/// How many manifests are read from the repository at a time.
const AT_A_TIME: usize = 8;

impl Updater {
    /// Apps that are not installed, of every namespace of the repository. Looks at it now.
    ///
    /// # Errors
    /// The repository could not be looked at.
    pub async fn browse(&self) -> Result<Vec<ShelfRow>, CheckError> {
        let known = self.refresh(Interest::Everything).await?;
        let installed = self.installed().await.map_err(CheckError::Store)?;
        let state = self.state();
        let mut names = known.targets.apps();
        names.retain(|name| !state.apps.contains_key(name));
        let kept = self.kept_data().await;
        let rows = names.into_iter().map(|name| self.shelf_row(&known, &installed, &kept, name));
        Ok(stream::iter(rows).buffered(AT_A_TIME).collect().await)
    }

    async fn shelf_row(
        &self,
        known: &Known,
        installed: &Installed,
        kept: &[KeptData],
        id: PackageName,
    ) -> ShelfRow {
        let target = Target::App(id.clone());
        let survey = self.survey(known, installed, &target);
        let shown = survey.best().or_else(|| survey.candidates.first());
        let manifest = match shown {
            Some(candidate) => self.manifest_of(known, candidate).await,
            None => None,
        };
        let asks_more = Self::asks_more(&survey, Some(known), &AppState::default());
        let (name, summary) =
            manifest.map_or_else(Default::default, |manifest| (manifest.name, manifest.summary));
        ShelfRow {
            name: if name.is_empty() { id.app().to_owned() } else { name },
            summary,
            level: known.targets.signers.get(&id.namespace()).map(|signer| signer.level),
            offer: offer(&survey, asks_more),
            candidates: survey.candidates,
            kept: kept.iter().filter(|it| it.app == id).cloned().collect(),
            id,
        }
    }

    /// The manifest that stands beside a release, with its texts; none where it cannot be had.
    async fn manifest_of(&self, known: &Known, candidate: &Candidate) -> Option<Manifest> {
        let mut releases = known.targets.releases(&candidate.target);
        let (_, file) = releases.find(|(_, file)| file.sha256 == candidate.digest)?;
        self.manifest_beside(known, &candidate.target, &file.path).await
    }

    /// The name that people know each installed app by, or one that is on its way; an app whose
    /// manifest gives none, or cannot be read, is left out.
    pub async fn app_names(&self) -> BTreeMap<PackageName, String> {
        let mut names = BTreeMap::new();
        for (id, app) in &self.state().apps {
            let slot = app.good.as_ref().or_else(|| app.trial.as_ref().map(|trial| &trial.slot));
            let Some(slot) = slot else { continue };
            match self.ports().slots.manifest(&SlotRef::app(id, slot)).await {
                Ok(manifest) if manifest.name.is_empty() => {}
                Ok(manifest) => drop(names.insert(id.clone(), manifest.name)),
                Err(error) => tracing::debug!(app = %id, %error, "an app's name cannot be read"),
            }
        }
        names
    }
}
