//! `rehearse`: fetches a release of core and tries it on a copy of the data, without an update.
//! Changes nothing that serves; what it learns stands in the plans of that release.

use std::sync::Arc;

use newleaf_domain::{Target, UpdateId, Version};
use newleaf_launcher::journal::{Entry, Outcome};
use newleaf_launcher::state::Way;

use crate::explain::{ExitClass, Explain};
use crate::preflight::Scope;
use crate::proof::Listed;
use crate::run::{Context, Passed, Stop};
use crate::step::rehearse::Verdict;
use crate::step::{fetch, prewarm, rehearse, stage, verify};
use crate::view::RehearsalNote;
use crate::{Approval, Consent, PlanError, Rehearsal, StartError, Updater};

/// Why nothing could be rehearsed. Completes "failed to rehearse core: …".
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
    /// Rehearses the newest possible version of core, or exactly `version`, and remembers what came
    /// of it. No update begins meanwhile.
    ///
    /// # Errors
    /// [`RehearseError`]; a version that fails on the copy is no error but what was to be learnt.
    pub async fn rehearse_core(
        self: &Arc<Self>,
        version: Option<Version>,
        by: &str,
    ) -> Result<RehearsalNote, RehearseError> {
        let plan = self.plan(&Target::Core, version).await?.plan.id;
        let _door = self.door().await?;
        let approval =
            Approval::new(plan, Consent::Given, by.to_owned()).suspending(Consent::Given);
        let (change, listed) = self.approved(&approval).await?;
        self.refuse_unless_ready(Scope::Change(&change)).await?;
        let seq = self.ledger().await.map_err(StartError::Launcher)?.last_seq() + 1;
        let from = self.state().core.good.version.clone();
        let cx = Context {
            updater: Arc::clone(self),
            id: UpdateId::new(self.ports().clock.now(), &approval.plan, seq),
            target: Target::Core,
            from: Some(from.clone()),
            to: change.to.clone(),
            way: Way::Forward,
        };
        let _told = Rehearsing::tell(self, change.to.clone());
        self.note(format!("core {} is rehearsed, as {by} asked", change.to)).await?;
        let (verdict, warmed) = try_out(cx, listed).await?;
        let (rehearsed, why) = match verdict {
            Ok(Verdict::Fits(rehearsed)) => (Some(rehearsed), None),
            Ok(Verdict::NotTried(why)) | Err(why) => (None, Some(why)),
        };
        let note = RehearsalNote {
            version: change.to,
            digest: change.digest,
            from,
            at: self.ports().clock.now(),
            rehearsed,
            why,
            apps: warmed.apps,
            broken: warmed.broken,
        };
        self.ports().store.put_rehearsal(&note).await.map_err(StartError::Store)?;
        self.note(format!("core {} was rehearsed: {}", note.version, note.sentences().join("; ")))
            .await?;
        Ok(note)
    }

    async fn note(&self, text: String) -> Result<(), StartError> {
        let noted = self.ports().launcher.append(None, Entry::Notice { text }).await;
        noted.map(drop).map_err(StartError::Launcher)
    }
}

/// Whoever wants a change meanwhile is told of the rehearsal, for as long as this lives.
struct Rehearsing<'a>(&'a Updater);

impl<'a> Rehearsing<'a> {
    fn tell(updater: &'a Updater, version: Version) -> Self {
        *updater.rehearsing() = Some(version);
        Self(updater)
    }
}

impl Drop for Rehearsing<'_> {
    fn drop(&mut self) {
        *self.0.rehearsing() = None;
    }
}

/// What the copy showed, or why the version failed on it; and the apps under it.
type Learnt = (Result<Verdict, String>, crate::port::Warmed);

/// The steps of an update up to the one that would change something.
async fn try_out(cx: Context, listed: Listed) -> Result<Learnt, RehearseError> {
    let fetched = fetch::run(cx.clone(), listed).await?.value;
    let artifact = verify::run(cx.clone(), fetched).await?.value;
    let stage::Ready::Core(slot) = stage::run(cx.clone(), artifact).await?.value else {
        let what = "the staged slot is not core's".to_owned();
        let todo = "this is a fault of the program; report it".to_owned();
        return Err(RehearseError::Bring { what, todo });
    };
    let verdict = match rehearse::core(cx.clone(), &slot, Rehearsal::Required).await {
        Ok(passed) => Ok(passed.value),
        Err(Stop::Failed(broken)) => Err(broken.what),
        Err(lost @ Stop::Lost(_)) => return Err(lost.into()),
    };
    let Passed { value: mut warmed, outcome } =
        prewarm::core(cx, &slot, prewarm::Breaking::IsTold).await?;
    if let (0, Outcome::Warned { why } | Outcome::Skipped { why }) = (warmed.apps, outcome) {
        tracing::warn!(why, "the apps were not tried");
        warmed.broken.clear();
    }
    Ok((verdict, warmed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::fake::World;

    #[tokio::test]
    async fn whoever_wants_a_change_meanwhile_is_told_at_once() {
        let host = World::new().start();
        let version = Version::parse("1.1.0").unwrap();
        let told = Rehearsing::tell(&host.updater, version.clone());
        let refused = host.updater.door().await.unwrap_err();
        assert!(matches!(&refused, StartError::Rehearsing { version: it } if *it == version));
        assert_eq!(refused.class(), ExitClass::Busy);
        drop(told);
        drop(host.updater.door().await.unwrap());
    }
}
