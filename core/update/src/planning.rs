//! Plans with all that a person reads before saying yes. The choice is the planner's alone.

use newleaf_domain::{Digest, Grant, GrantChange, Manifest, PlanId, Target, Version};
use newleaf_plan::{
    Change, LeftBehind, Outcome, PLAN_LIFETIME_SECONDS, Plan, Planned, Refusal, Request,
};
use newleaf_trust::{TargetFile, check_target};

use crate::Updater;
use crate::explain::{ExitClass, Explain, chain};
use crate::port::{Place, PlanMemo, StoreError};
use crate::preflight::{self, Scope};
use crate::refresh::{CheckError, Known};
use crate::start::Leeway;
use crate::view::{ChangeView, DisplayText, Pause, PlanView, Prerequisite, RehearsalNote};

/// The longest text beside a package that is shown.
const MAX_TEXT: newleaf_domain::ByteSize = newleaf_domain::ByteSize::mib(1);

/// Why there is no plan. Completes "failed to plan: …".
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The repository could not be looked at.
    #[error("the repository could not be checked")]
    Check(#[source] CheckError),
    /// What is kept on disk cannot be read or written.
    #[error("what is kept on disk failed")]
    Store(#[source] StoreError),
    /// Nothing to do.
    #[error("{target} {version} is the newest for this host")]
    UpToDate {
        /// What was asked for.
        target: Target,
        /// What runs.
        version: Version,
    },
    /// There is nothing newer, but the program that would serve is damaged on disk.
    #[error("core {version} is the newest for this host, but {damage}")]
    Damaged {
        /// What serves, or would.
        version: Version,
        /// How it is damaged.
        damage: String,
    },
    /// Something is newer or was asked for, and cannot be installed.
    #[error(transparent)]
    Refused(Refusal),
    /// No plan of this id was shown here within a day.
    #[error("no plan {id} was made here within the last day")]
    Unknown {
        /// The id.
        id: PlanId,
    },
}

impl Explain for PlanError {
    fn class(&self) -> ExitClass {
        match self {
            Self::Check(error) => error.class(),
            Self::Refused(Refusal::Untrusted { .. }) => ExitClass::Trust,
            Self::Refused(Refusal::NoReleases { .. }) => ExitClass::Usage,
            Self::Refused(_) => ExitClass::Blocked,
            Self::Store(_)
            | Self::UpToDate { .. }
            | Self::Damaged { .. }
            | Self::Unknown { .. } => ExitClass::Failed,
        }
    }

    fn todo(&self) -> String {
        match self {
            Self::Check(error) => error.todo(),
            Self::Store(_) => {
                "newleaf preflight names the folder and the command that mends it".to_owned()
            }
            Self::UpToDate { .. } => "nothing".to_owned(),
            Self::Damaged { .. } => {
                "bring it anew: newleaf update core, with the service stopped".to_owned()
            }
            Self::Refused(refusal) => refusal.hint().to_owned(),
            Self::Unknown { .. } => "make a new plan: newleaf plan".to_owned(),
        }
    }
}

impl Updater {
    /// Plans the newest possible version of `target`, or exactly `version`. Looks at the repository
    /// where the last look is too old. The plan is remembered for a day.
    ///
    /// # Errors
    /// [`PlanError`].
    pub async fn plan(
        &self,
        target: &Target,
        version: Option<Version>,
    ) -> Result<PlanView, PlanError> {
        let known = self.known_for(target).await.map_err(PlanError::Check)?;
        let planned =
            self.choose(&known, target, version.clone()).await.map_err(PlanError::Store)?;
        let plan = match &planned.outcome {
            Outcome::Plan(plan) => plan.clone(),
            Outcome::UpToDate { version } => {
                return Err(self.nothing_newer(target, version.clone()).await);
            }
            Outcome::Refused(refusal) => return Err(PlanError::Refused(refusal.clone())),
        };
        self.remember(&plan, target, version).await.map_err(PlanError::Store)?;
        Ok(self.plan_view(&known, plan, planned).await)
    }

    /// Whoever asks for a newer core than the newest may want what serves to be whole.
    async fn nothing_newer(&self, target: &Target, version: Version) -> PlanError {
        let damage = match target {
            Target::Core => self.core_damage().await,
            Target::App(_) => None,
        };
        match damage {
            Some(damage) => PlanError::Damaged { version, damage },
            None => PlanError::UpToDate { target: target.clone(), version },
        }
    }

    /// The plan with this id, as it would be carried out now.
    ///
    /// # Errors
    /// [`PlanError`]; [`PlanError::Unknown`] where no such plan was made here within a day.
    pub async fn plan_by_id(&self, id: &PlanId) -> Result<PlanView, PlanError> {
        let memo = self.recall_plan(id).await?;
        let known = self.known_for(&memo.target).await.map_err(PlanError::Check)?;
        let planned =
            self.choose(&known, &memo.target, memo.version).await.map_err(PlanError::Store)?;
        Ok(self.plan_view(&known, memo.plan, planned).await)
    }

    /// Measures the prerequisites of any update.
    pub async fn preflight(&self) -> Vec<Prerequisite> {
        preflight::measure(self, Scope::Any, None).await
    }

    /// Measures the prerequisites of a change of `target` where there is one, else of any update.
    ///
    /// # Errors
    /// [`PlanError::Refused`]: no such app is here, or in the repository.
    pub async fn preflight_of(&self, target: &Target) -> Result<Vec<Prerequisite>, PlanError> {
        let planned = match self.kept_or_known(target).await {
            Ok(known) => self.choose(&known, target, None).await.ok(),
            Err(error) => {
                // The rows about the repository say it, with what mends it.
                tracing::debug!(error = chain(&error), "no change is known to measure for");
                None
            }
        };
        if let Some(Outcome::Refused(refusal @ Refusal::NoReleases { .. })) =
            planned.as_ref().map(|planned| &planned.outcome)
        {
            return Err(PlanError::Refused(refusal.clone()));
        }
        let change = planned.as_ref().and_then(Planned::plan).and_then(|plan| plan.changes.first());
        Ok(preflight::measure(self, change.map_or(Scope::Any, Scope::Change), None).await)
    }

    pub(crate) async fn recall_plan(&self, id: &PlanId) -> Result<PlanMemo, PlanError> {
        let memo = self.ports().store.plan(id).await.map_err(PlanError::Store)?;
        memo.ok_or_else(|| PlanError::Unknown { id: id.clone() })
    }

    /// Remembers a plan, so that its id is enough to say yes to it.
    pub(crate) async fn remember(
        &self,
        plan: &Plan,
        target: &Target,
        version: Option<Version>,
    ) -> Result<(), StoreError> {
        let leeway = Leeway::default();
        let memo = PlanMemo { plan: plan.clone(), target: target.clone(), version, leeway };
        self.put_memo(&memo).await
    }

    /// Keeps a plan, and how far the yes to it reaches once it was given.
    pub(crate) async fn put_memo(&self, memo: &PlanMemo) -> Result<(), StoreError> {
        // A plan past its day is still told apart from one that never was, for another day.
        let forget = self.ports().clock.now().plus_seconds(-2 * PLAN_LIFETIME_SECONDS);
        self.ports().store.put_plan(memo, forget).await
    }

    pub(crate) async fn choose(
        &self,
        known: &Known,
        target: &Target,
        version: Option<Version>,
    ) -> Result<Planned, StoreError> {
        let installed = self.installed().await?;
        let request = Request { target: target.clone(), version };
        let now = self.ports().clock.now();
        Ok(newleaf_plan::plan(&installed, &known.targets, &self.policy(), &request, now))
    }

    async fn plan_view(&self, known: &Known, plan: Plan, planned: Planned) -> PlanView {
        let mut changes = Vec::new();
        for change in &plan.changes {
            changes.push(self.change_view(known, change).await);
        }
        let scope = plan.changes.first().map_or(Scope::Any, Scope::Change);
        let prerequisites = preflight::measure(self, scope, None).await;
        // Without it the plan is the same; it only tells less.
        let rehearsal = match plan.changes.first() {
            Some(first) => self.rehearsal_of(first).await,
            None => None,
        };
        let pause = rehearsal.as_ref().and_then(|note| self.pause_of(note));
        let candidates = planned.survey.candidates;
        let left_behind = self.left_behind(known, &plan).await;
        let origin = self.settings().addresses.origin();
        PlanView { plan, changes, prerequisites, candidates, rehearsal, left_behind, pause, origin }
    }

    /// The installed apps that a plan of core leaves behind, by the ranges they name.
    pub(crate) async fn left_behind(&self, known: &Known, plan: &Plan) -> Vec<LeftBehind> {
        let Some(goal) = plan.goal().filter(|goal| goal.target == Target::Core) else {
            return Vec::new();
        };
        match self.installed().await {
            Ok(installed) => {
                newleaf_plan::left_behind(&installed, &known.targets, &self.policy(), &goal.to)
            }
            Err(error) => {
                tracing::warn!(error = chain(&error), "which apps would stop cannot be told");
                Vec::new()
            }
        }
    }

    /// What the last rehearsal of a change came to, where it still says something: it was of this
    /// release, beside the version that serves now.
    pub(crate) async fn rehearsal_of(&self, change: &Change) -> Option<RehearsalNote> {
        let last = self.ports().store.rehearsal(&change.target).await.ok().flatten()?;
        let state = self.state();
        let serves = match &change.target {
            Target::Core => &state.core.good.version,
            Target::App(app) => &state.apps.get(app)?.good.as_ref()?.version,
        };
        (last.digest == change.digest && last.from == *serves).then_some(last)
    }

    /// How long visitors of an app would wait, with as many of them as there are now.
    pub(crate) fn pause_of(&self, note: &RehearsalNote) -> Option<Pause> {
        let (rehearsed, app) = note.app.as_ref().zip(note.target.app())?;
        let traffic = self.ports().plugins.traffic(app);
        Some(crate::pause::expect(rehearsed, traffic, self.settings().pause_unannounced))
    }

    async fn change_view(&self, known: &Known, change: &Change) -> ChangeView {
        let manifest = self.display_manifest(known, change).await;
        let changelog = self.text_beside(known, &change.path, "CHANGELOG.md").await;
        let text = manifest.as_ref().map(|manifest| DisplayText {
            name: manifest.name.clone(),
            summary: manifest.summary.clone(),
            changelog: changelog.and_then(|bytes| String::from_utf8(bytes).ok()),
        });
        ChangeView {
            change: change.clone(),
            text,
            grants: worded(&change.grant_changes, manifest.as_ref()),
            needs: preflight::needed(self, change).await,
        }
    }

    /// The differences in what an app may do, with the author's reasons as sentences.
    pub(crate) async fn worded_grants(&self, known: &Known, change: &Change) -> Vec<GrantChange> {
        let manifest = self.display_manifest(known, change).await;
        worded(&change.grant_changes, manifest.as_ref())
    }

    async fn display_manifest(&self, known: &Known, change: &Change) -> Option<Manifest> {
        self.manifest_beside(known, &change.target, &change.path).await
    }

    /// The manifest with its texts, which stands beside the package at `path`; none where it cannot
    /// be had.
    pub(crate) async fn manifest_beside(
        &self,
        known: &Known,
        target: &Target,
        path: &str,
    ) -> Option<Manifest> {
        let file = match target {
            Target::App(_) => "manifest.json".to_owned(),
            Target::Core => format!("{}.json", self.face().platform),
        };
        Manifest::parse(&self.text_beside(known, path, &file).await?).ok()
    }

    /// A text beside the package, verified like any target; none where it cannot be had.
    pub(crate) async fn text_beside(
        &self,
        known: &Known,
        path: &str,
        name: &str,
    ) -> Option<Vec<u8>> {
        let release = known.targets.file(path)?;
        let file: &TargetFile = known.targets.beside(release, name)?;
        let max = file.length.min(MAX_TEXT);
        let read = self.ports().repository.read(Place::Target, &file.stored_path(), max).await;
        let bytes = read.ok().flatten()?;
        let length = newleaf_domain::ByteSize::bytes(bytes.len() as u64);
        check_target(file, length, Digest::of(&bytes)).is_ok().then_some(bytes)
    }
}

/// Puts each reason's text in place of its digest; a text that does not have the signed digest
/// counts as none.
fn worded(changes: &[GrantChange], manifest: Option<&Manifest>) -> Vec<GrantChange> {
    let text = |digest: &String| {
        let asked = manifest.iter().flat_map(|manifest| &manifest.capabilities);
        asked
            .map(|it| &it.reason)
            .find(|reason| Digest::of(reason.as_bytes()).to_string() == *digest)
            .cloned()
    };
    let words = |change: &GrantChange| match &change.to {
        // Its reason is the language, which is signed as it stands.
        Some(Grant::Compile { .. }) => change.clone(),
        Some(_) | None => {
            GrantChange { reason: change.reason.as_ref().and_then(text), ..change.clone() }
        }
    };
    changes.iter().map(words).collect()
}
