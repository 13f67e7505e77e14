//! Brings the program of the core that serves anew where the disk damaged it: the same release, by
//! its digest, verified as for an update. No version changes and nothing is tried, so `state` stays
//! as it is.

use std::sync::Arc;

use newleaf_domain::{Digest, Grants, PlanId, Target, UpdateId, Version};
use newleaf_launcher::journal::Entry;
use newleaf_launcher::state::{CoreSlot, Way};
use newleaf_plan::{Because, Change};
use newleaf_trust::TargetFile;

use crate::Updater;
use crate::explain::{ExitClass, Explain, chain};
use crate::port::{LauncherError, SlotRef};
use crate::proof::Listed;
use crate::refresh::{CheckError, Known};
use crate::run::{Context, Stop};
use crate::step::{fetch, verify};

/// Why a damaged core was not brought anew. Completes "failed to mend core: …".
#[derive(Debug, thiserror::Error)]
#[error("core {version}: {damage}; {why}")]
pub struct AnewError {
    /// The version that is damaged.
    pub version: Version,
    /// How.
    pub damage: String,
    /// Why it is damaged still.
    #[source]
    pub why: NotAnew,
}

/// What kept a damaged core from being brought anew.
#[derive(Debug, thiserror::Error)]
pub enum NotAnew {
    /// The repository could not be looked at.
    #[error("the same release cannot be brought")]
    Check(#[source] CheckError),
    /// The repository does not list the release any more.
    #[error("the repository lists no release that is the same program")]
    NotListed,
    /// It could not be brought here.
    #[error("the same release cannot be brought: {what}")]
    Bring {
        /// What failed, with both values.
        what: String,
        /// What to do.
        todo: String,
    },
    /// It was put in place, and is damaged again.
    #[error("the same release was put in its place, and then {damage}")]
    Again {
        /// How.
        damage: String,
    },
    /// It was put in place, and the journal could not be told.
    #[error("the same release was put in its place, but the journal does not say so")]
    Untold(#[source] LauncherError),
}

impl Explain for AnewError {
    fn class(&self) -> ExitClass {
        match &self.why {
            NotAnew::Check(error) => error.class(),
            NotAnew::NotListed => ExitClass::Trust,
            NotAnew::Bring { .. } | NotAnew::Again { .. } | NotAnew::Untold(_) => ExitClass::Failed,
        }
    }

    fn done(&self) -> String {
        match &self.why {
            NotAnew::Check(_) | NotAnew::NotListed | NotAnew::Bring { .. } => {
                "nothing was changed".to_owned()
            }
            NotAnew::Again { .. } => "the program was replaced and read back".to_owned(),
            NotAnew::Untold(_) => "the program is whole again".to_owned(),
        }
    }

    fn todo(&self) -> String {
        match &self.why {
            NotAnew::Check(error) => error.todo(),
            NotAnew::NotListed => format!(
                "put the very program of core {} in the place of the one that the service starts, \
                 then start it: it mends its copy from itself",
                self.version
            ),
            NotAnew::Bring { todo, .. } => todo.clone(),
            NotAnew::Again { .. } => {
                "the disk fails: move the folder to another one, then try again".to_owned()
            }
            NotAnew::Untold(_) => "see to the disk, then start the service".to_owned(),
        }
    }
}

impl From<Stop> for NotAnew {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Failed(broken) => Self::Bring { what: broken.what, todo: broken.todo },
            Stop::Lost(error) => {
                Self::Bring { what: chain(&error), todo: "see to the disk, then try again".into() }
            }
        }
    }
}

impl Updater {
    /// How the program of the core that serves is damaged on disk; none where it is not.
    pub async fn core_damage(&self) -> Option<String> {
        self.ports().slots.damage(&self.state().core.good).await
    }

    /// Brings the program of the core that serves anew where it is damaged, and says so, here and in
    /// the journal; none where it is whole.
    ///
    /// # Errors
    /// [`AnewError`].
    pub async fn bring_core_anew(self: &Arc<Self>) -> Result<Option<String>, AnewError> {
        let _door = self.starting().lock().await;
        let good = self.state().core.good.clone();
        let Some(damage) = self.ports().slots.damage(&good).await else { return Ok(None) };
        let told = format!(
            "core {}: {damage}; the same release was brought anew and put in its place",
            good.version
        );
        let brought = async {
            self.replace(&good).await?;
            let notice = Entry::Notice { text: told.clone() };
            let noted = self.ports().launcher.append(None, notice).await;
            noted.map(drop).map_err(NotAnew::Untold)
        };
        match brought.await {
            Ok(()) => Ok(Some(told)),
            Err(why) => Err(AnewError { version: good.version, damage, why }),
        }
    }

    async fn replace(self: &Arc<Self>, good: &CoreSlot) -> Result<(), NotAnew> {
        if let Err(error) = self.recall().await {
            tracing::debug!(error = chain(&error), "nothing is recalled of the repository");
        }
        let known = self.known_for(&Target::Core).await.map_err(NotAnew::Check)?;
        let listed = same_release(&known, good).ok_or(NotAnew::NotListed)?;
        let cx = Context {
            updater: Arc::clone(self),
            // Nothing is journaled by it; it tells this download from others.
            id: UpdateId::new(self.ports().clock.now(), &PlanId::of(listed.change().digest), 0),
            target: Target::Core,
            from: Some(good.version.clone()),
            to: good.version.clone(),
            way: Way::Forward,
        };
        let fetched = fetch::run(cx.clone(), listed).await?.value;
        let artifact = verify::run(cx, fetched).await?.value;
        let slots = &self.ports().slots;
        let unpacked = slots.unpack(&artifact, &SlotRef::core(good), &|_| ()).await;
        unpacked.map_err(|error| NotAnew::Bring {
            what: chain(&error),
            todo: "see to the disk, then try again".to_owned(),
        })?;
        match slots.damage(good).await {
            None => Ok(()),
            Some(damage) => Err(NotAnew::Again { damage }),
        }
    }
}

/// The release whose program is the one that was staged: by the digest of its package, or by its
/// program's where the slot was made of a bare file.
fn same_release(known: &Known, good: &CoreSlot) -> Option<Listed> {
    let releases = || known.targets.releases(&Target::Core).map(|(_, file)| file);
    let by_package = releases().find(|file| file.sha256 == good.digest);
    let file = by_package.or_else(|| releases().find(|file| program_of(file) == good.binary))?;
    Some(Listed::new(unchanged(file, good)?, file.clone(), None))
}

fn program_of(file: &TargetFile) -> Option<Digest> {
    Some(file.manifest().ok()?.binary?.sha256)
}

/// The release as a change that changes nothing.
fn unchanged(file: &TargetFile, good: &CoreSlot) -> Option<Change> {
    let release = file.release().ok()?;
    Some(Change {
        target: Target::Core,
        from: Some(good.version.clone()),
        to: good.version.clone(),
        because: Because::Goal,
        step: None,
        path: file.path.clone(),
        digest: file.sha256,
        length: file.length,
        channel: release.channel,
        published: release.published,
        level: None,
        schema: (good.schema, good.schema),
        migrations: Vec::new(),
        writes: good.schema,
        oldest_reader: good.oldest_reader,
        grants: Grants::default(),
        grant_changes: Vec::new(),
        breaking: Vec::new(),
        security: Vec::new(),
    })
}
