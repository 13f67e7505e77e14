//! `rehearse`: fetches a release of core or of an app and tries it on a copy of the data, without an
//! update. Changes nothing that serves; what it learns stands in the plans of that release.

use std::sync::Arc;
use std::time::Duration;

use newleaf_domain::{PackageName, PlanId, Target, UpdateId, Version};
use newleaf_launcher::journal::{Entry, Outcome};
use newleaf_launcher::state::Way;
use newleaf_plan::Change;

use crate::explain::{ExitClass, Explain, chain};
use crate::preflight::Scope;
use crate::proof::Listed;
use crate::run::{Context, Passed, Stop};
use crate::step::rehearse::Verdict;
use crate::step::rehearse::app::Verdict as AppVerdict;
use crate::step::{AppSwitch, fetch, prewarm, rehearse, stage, verify};
use crate::view::RehearsalNote;
use crate::{Approval, Consent, Leeway, PlanError, Rehearsal, StartError, Updater};

/// Why nothing could be rehearsed. Completes "failed to rehearse: …".
#[derive(Debug, thiserror::Error)]
pub enum RehearseError {
    /// There is no plan for it.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// It may not begin now.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The release could not be brought here.
    #[error("{what}")]
    Bring {
        /// What failed, with both values.
        what: String,
        /// What to do.
        todo: String,
    },
}

impl Explain for RehearseError {
    fn class(&self) -> ExitClass {
        match self {
            Self::Plan(error) => error.class(),
            Self::Start(error) => error.class(),
            Self::Bring { .. } => ExitClass::Failed,
        }
    }

    fn todo(&self) -> String {
        match self {
            Self::Plan(error) => error.todo(),
            Self::Start(error) => error.todo(),
            Self::Bring { todo, .. } => todo.clone(),
        }
    }
}

impl From<Stop> for RehearseError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Failed(broken) => Self::Bring { what: broken.what, todo: broken.todo },
            Stop::Lost(error) => Self::Start(StartError::Launcher(error)),
        }
    }
}

impl Updater {
    /// Rehearses the newest possible version of `target`, or exactly `version`, and remembers what
    /// came of it. No update begins meanwhile.
    ///
    /// # Errors
    /// [`RehearseError`]; a version that fails on the copy is no error but what was to be learnt.
    pub async fn rehearse(
        self: &Arc<Self>,
        target: &Target,
        version: Option<Version>,
        by: &str,
    ) -> Result<RehearsalNote, RehearseError> {
        let plan = self.plan(target, version).await?.plan.id;
        self.rehearse_plan(&plan, by).await
    }

    /// Rehearses the first release of a plan that was made here, and remembers what came of it. No
    /// update begins meanwhile.
    ///
    /// # Errors
    /// As [`Updater::rehearse`].
    pub async fn rehearse_plan(
        self: &Arc<Self>,
        plan: &PlanId,
        by: &str,
    ) -> Result<RehearsalNote, RehearseError> {
        let _door = self.door().await?;
        let (plan, by) = (plan.clone(), by.to_owned());
        let approval = Approval::new(plan, Consent::Given, by)
            .suspending(Consent::Given)
            .with_leeway(Leeway::of_person(Consent::Given));
        let (change, listed) = self.approved(&approval).await?;
        self.refuse_unless_ready(Scope::Change(&change)).await?;
        let seq = self.ledger().await.map_err(StartError::Launcher)?.last_seq() + 1;
        let cx = Context {
            updater: Arc::clone(self),
            id: UpdateId::new(self.ports().clock.now(), &approval.plan, seq),
            target: change.target.clone(),
            from: change.from.clone(),
            to: change.to.clone(),
            way: Way::Forward,
        };
        let what = format!("{} {}", change.target, change.to);
        let _told = Rehearsing::tell(self, change.target.clone(), change.to.clone());
        self.note(format!("{what} is rehearsed, as {} asked", approval.by)).await?;
        let note = match &change.target {
            Target::Core => core_note(cx, change, listed).await?,
            Target::App(app) => app_note(cx, app.clone(), listed).await?,
        };
        self.ports().store.put_rehearsal(&note).await.map_err(StartError::Store)?;
        self.note(format!("{what} was rehearsed: {}", note.sentences().join("; "))).await?;
        Ok(note)
    }

    /// As [`Updater::rehearse_plan`], in a task of its own, which goes on when nobody waits any more.
    /// Gives what is known after `at_once`; none where the rehearsal is still under way by then.
    ///
    /// # Errors
    /// As [`Updater::rehearse`], as far as it is known by then; later ones go to the log.
    pub async fn rehearse_plan_aside(
        self: &Arc<Self>,
        plan: PlanId,
        by: String,
        at_once: Duration,
    ) -> Result<Option<RehearsalNote>, RehearseError> {
        let updater = Arc::clone(self);
        let mut work = tokio::spawn(async move {
            let rehearsed = updater.rehearse_plan(&plan, &by).await;
            if let Err(error) = &rehearsed {
                tracing::warn!(%plan, error = chain(error), "nothing was rehearsed");
            }
            rehearsed
        });
        match tokio::time::timeout(at_once, &mut work).await {
            Ok(Ok(rehearsed)) => rehearsed.map(Some),
            Ok(Err(_)) | Err(_) => Ok(None),
        }
    }

    /// What is tried on a copy of its data now, outside any update.
    pub fn rehearses(&self) -> Option<(Target, Version)> {
        self.rehearsing().clone()
    }

    async fn note(&self, text: String) -> Result<(), StartError> {
        let noted = self.ports().launcher.append(None, Entry::Notice { text }).await;
        noted.map(drop).map_err(StartError::Launcher)
    }
}

/// Whoever wants a change meanwhile is told of the rehearsal, for as long as this lives.
struct Rehearsing<'a>(&'a Updater);

impl<'a> Rehearsing<'a> {
    fn tell(updater: &'a Updater, target: Target, version: Version) -> Self {
        *updater.rehearsing() = Some((target, version));
        Self(updater)
    }
}

impl Drop for Rehearsing<'_> {
    fn drop(&mut self) {
        *self.0.rehearsing() = None;
    }
}

/// The steps of an update up to the one that would change something.
async fn staged(cx: &Context, listed: Listed) -> Result<stage::Ready, RehearseError> {
    let fetched = fetch::run(cx.clone(), listed).await?.value;
    let artifact = verify::run(cx.clone(), fetched).await?.value;
    Ok(stage::run(cx.clone(), artifact).await?.value)
}

fn other_kind() -> RehearseError {
    let what = "the staged slot is of another kind than the plan".to_owned();
    let todo = "this is a fault of the program; report it".to_owned();
    RehearseError::Bring { what, todo }
}

/// What core did on a copy of the data, and the apps under it.
async fn core_note(
    cx: Context,
    change: Change,
    listed: Listed,
) -> Result<RehearsalNote, RehearseError> {
    let stage::Ready::Core(slot) = staged(&cx, listed).await? else { return Err(other_kind()) };
    let from = cx.updater.state().core.good.version.clone();
    let verdict = match rehearse::core(cx.clone(), &slot, Rehearsal::Required).await {
        Ok(passed) => Ok(passed.value),
        Err(Stop::Failed(broken)) => Err(broken.what),
        Err(lost @ Stop::Lost(_)) => return Err(lost.into()),
    };
    let Passed { value: mut warmed, outcome } =
        prewarm::core(cx.clone(), &slot, prewarm::Breaking::IsTold).await?;
    if let (0, Outcome::Warned { why } | Outcome::Skipped { why }) = (warmed.apps, outcome) {
        tracing::warn!(why, "the apps were not tried");
        warmed.broken.clear();
    }
    let (rehearsed, why) = match verdict {
        Ok(Verdict::Fits(rehearsed)) => (Some(rehearsed), None),
        Ok(Verdict::NotTried(why)) | Err(why) => (None, Some(why)),
    };
    Ok(RehearsalNote {
        target: Target::Core,
        version: change.to,
        digest: change.digest,
        from,
        at: cx.updater.ports().clock.now(),
        rehearsed,
        app: None,
        why,
        apps: warmed.apps,
        broken: warmed.broken,
    })
}

/// What an app did on a copy of its data.
async fn app_note(
    cx: Context,
    app: PackageName,
    listed: Listed,
) -> Result<RehearsalNote, RehearseError> {
    let stage::Ready::App(new) = staged(&cx, listed).await? else { return Err(other_kind()) };
    let old = cx.updater.state().apps.get(&app).and_then(|row| row.good.clone());
    let switch = AppSwitch { app: app.clone(), old, new: *new };
    let learnt = match rehearse::app::on_a_copy(&cx, &switch).await {
        Ok(AppVerdict::Fits(rehearsed)) => Ok(rehearsed),
        Ok(AppVerdict::NotWanted(why) | AppVerdict::NotTried(why)) => Err(why),
        Err(Stop::Failed(broken)) => Err(broken.what),
        Err(lost @ Stop::Lost(_)) => return Err(lost.into()),
    };
    let note = rehearse::app::note(&cx, &switch, learnt.as_ref().map_err(String::as_str));
    note.ok_or_else(|| RehearseError::Start(StartError::NotInstalled { app }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::fake::World;

    #[tokio::test]
    async fn whoever_wants_a_change_meanwhile_is_told_at_once() {
        let host = World::new().start();
        let version = Version::parse("1.1.0").unwrap();
        let told = Rehearsing::tell(&host.updater, Target::Core, version.clone());
        let refused = host.updater.door().await.unwrap_err();
        assert!(matches!(&refused, StartError::Rehearsing { version: it, .. } if *it == version));
        assert_eq!(refused.class(), ExitClass::Busy);
        drop(told);
        drop(host.updater.door().await.unwrap());
    }
}
