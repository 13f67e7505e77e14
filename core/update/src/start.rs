//! Says yes to a plan, or to going back: refuses what may not begin, writes the first record, and
//! lets the update run by itself.

use std::sync::Arc;

use newleaf_domain::{
    Digest, GrantChange, Namespace, PackageName, PlanId, Target, UpdateId, Version, VersionReq,
};
use newleaf_launcher::journal::Entry;
use newleaf_launcher::proto::{AppChange, Ask};
use newleaf_launcher::state::{AppSlot, CoreSlot, Way};
use newleaf_plan::{Change, Installed, LeftBehind, Request, Stale, recheck};

use crate::carry::{self, Errand};
use crate::explain::{CHECK_THE_NAME, ExitClass, Explain};
use crate::planning::PlanError;
use crate::port::{Kept, LauncherError, PlanMemo, PluginError, StoreError};
use crate::preflight::{self, Scope};
use crate::proof::Listed;
use crate::refresh::{CheckError, Known};
use crate::run::Context;
use crate::step::OFF;
use crate::view::{DataChoice, Pause, Prerequisite, StalePlan, Standing};
use crate::{Rehearsal, Updater};

/// An admin's yes to a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The plan.
    pub plan: PlanId,
    /// Whether the yes covers wider grants.
    pub consent: Consent,
    /// Whether the yes covers that apps which the new core leaves behind are suspended.
    pub suspend: Consent,
    /// How far it reaches beside that.
    pub leeway: Leeway,
    /// Who says so: an account's name, or `cli:<user>`.
    pub by: String,
}

impl Approval {
    /// A yes to `plan`, with what is said on wider grants, and none to suspended apps.
    pub const fn new(plan: PlanId, consent: Consent, by: String) -> Self {
        let leeway = Leeway::of_person(Consent::NotGiven);
        Self { plan, consent, suspend: Consent::NotGiven, leeway, by }
    }

    /// The same, with what is said on apps that the new core leaves behind.
    #[must_use]
    pub const fn suspending(mut self, suspend: Consent) -> Self {
        self.suspend = suspend;
        self
    }

    /// The same, with how far it reaches where a rehearsal shows what the plan could not know.
    #[must_use]
    pub const fn with_leeway(mut self, leeway: Leeway) -> Self {
        self.leeway = leeway;
        self
    }
}

/// How far a yes to a plan reaches where a rehearsal shows what the plan could not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Leeway {
    /// Whether it covers a pause that an app's visitors are told of.
    pub pause: Consent,
    /// Whether it covers going on where this machine cannot rehearse an app.
    pub unrehearsed: Consent,
}

impl Leeway {
    /// What a person says, with their word on a pause: they know best when their machine is full.
    pub const fn of_person(pause: Consent) -> Self {
        Self { pause, unrehearsed: Consent::Given }
    }

    /// What a host may do by itself.
    pub const fn of_host() -> Self {
        Self { pause: Consent::NotGiven, unrehearsed: Consent::NotGiven }
    }
}

impl Default for Leeway {
    fn default() -> Self {
        Self::of_person(Consent::NotGiven)
    }
}

/// Whether an admin said yes to something that wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consent {
    /// They did.
    Given,
    /// They did not, or were not asked.
    NotGiven,
}

/// What becomes of a removed app's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppData {
    /// It stays in its folder.
    Keep,
    /// It is set aside until its date, then removed for good.
    Erase,
}

/// Why an update does not begin. Completes "failed to start the update: …".
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The plan is not what would be done any more.
    #[error("the plan is out of date: {}", .0.why)]
    Stale(Box<StalePlan>),
    /// Another update runs.
    #[error("update {running} runs already")]
    Busy {
        /// Its id.
        running: UpdateId,
    },
    /// A version is tried on a copy of the data, which an update would change meanwhile.
    #[error("{target} {version} is being rehearsed")]
    Rehearsing {
        /// Core or the app.
        target: Target,
        /// The version.
        version: Version,
    },
    /// A core is staged and waits for the host's next start; no host runs.
    #[error("core {version} is staged already and takes effect at the next start of the host")]
    Staged {
        /// The update that staged it.
        update: UpdateId,
        /// The version that waits.
        version: Version,
    },
    /// Something must be mended first.
    #[error("{}", first_block(.0))]
    Blocked(Vec<Prerequisite>),
    /// An app would be able to do more, and nobody said yes to that.
    #[error("{target} asks for more than it may do today: {}", list(changes))]
    ConsentNeeded {
        /// The app.
        target: Target,
        /// What it asks for, with its reasons.
        changes: Vec<GrantChange>,
    },
    /// The new core would leave apps behind, and nobody said yes to that.
    #[error("{}", breaks(apps))]
    LeavesBehind {
        /// The apps, each with what leads on.
        apps: Vec<LeftBehind>,
    },
    /// Other apps need the one that is to be removed.
    #[error("{app} is needed by {}", needing(by))]
    Needed {
        /// The app.
        app: PackageName,
        /// Those that need it, each with the versions it can use.
        by: Vec<(PackageName, VersionReq)>,
    },
    /// The app would serve nobody for a time that its visitors are told of, and nobody said yes.
    #[error("{target} would serve nobody for {}: {}", pause.expected(), pause.sentence())]
    PauseUnannounced {
        /// The app.
        target: Target,
        /// How long, and why visitors are told.
        pause: Pause,
    },
    /// No such plan, or it cannot be made again.
    #[error("the plan could not be taken up")]
    Plan(#[source] PlanError),
    /// The release is not listed any more.
    #[error("{path} is not listed in any signed role")]
    NotListed {
        /// Its path.
        path: String,
    },
    /// There is nothing to go back to.
    #[error("there is no version of {target} to go back to")]
    NothingBefore {
        /// Core or the app.
        target: Target,
    },
    /// The version before cannot run on the data as it is.
    #[error("{target} {version} cannot run on the data as it is: {why}")]
    CannotGoBack {
        /// Core or the app.
        target: Target,
        /// The version before.
        version: Version,
        /// Why.
        why: String,
    },
    /// The app is not installed.
    #[error("{app} is not installed")]
    NotInstalled {
        /// The app.
        app: PackageName,
    },
    /// An update of the app failed, and so did the way back: its data is not yet what it was.
    #[error("update {update} of {app} failed and is not taken back yet")]
    Unfinished {
        /// The app.
        app: PackageName,
        /// The update whose way back failed.
        update: UpdateId,
    },
    /// The launcher does not do it.
    #[error("the launcher does not take it up")]
    Launcher(#[source] LauncherError),
    /// What is kept on disk cannot be read or written.
    #[error("what is kept on disk failed")]
    Store(#[source] StoreError),
    /// Something of the namespace is installed, and its pinned signer is lost: whoever signs now
    /// could be anyone.
    #[error("the pinned signer of {namespace} is lost, although its apps are installed")]
    Unpinned {
        /// The namespace.
        namespace: Namespace,
    },
    /// The app cannot be loaded; it stays off.
    #[error("the app cannot be loaded")]
    Load(#[source] PluginError),
    /// The app's data could not be removed.
    #[error("the app is removed, but its data is not")]
    Data(#[source] PluginError),
}

impl From<PlanError> for StartError {
    fn from(error: PlanError) -> Self {
        Self::Plan(error)
    }
}

fn first_block(rows: &[Prerequisite]) -> String {
    rows.iter().find(|row| row.standing == Standing::Block).map_or_else(
        || "a prerequisite does not hold".to_owned(),
        |row| format!("{}: {}", row.id.title(), row.measured),
    )
}

fn list(changes: &[GrantChange]) -> String {
    let wider = changes.iter().filter(|change| change.widens);
    wider
        .filter_map(|change| change.to.as_ref().map(ToString::to_string))
        .collect::<Vec<_>>()
        .join(", ")
}

/// `2 apps do not run on it: acme/a 1.0.0 needs core <2.0.0; …`
fn breaks(apps: &[LeftBehind]) -> String {
    let verb = if apps.len() == 1 { "does" } else { "do" };
    let each = apps.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    format!("{} {verb} not run on it: {each}", crate::port::counted(apps.len()))
}

/// `acme/b (1.0 or newer)`, as ranges have it.
fn needing(by: &[(PackageName, VersionReq)]) -> String {
    let each = by.iter().map(|(app, wanted)| format!("{app} ({wanted})"));
    each.collect::<Vec<_>>().join(", ")
}

impl Explain for StartError {
    fn class(&self) -> ExitClass {
        match self {
            Self::Busy { .. }
            | Self::Rehearsing { .. }
            | Self::Staged { .. }
            | Self::Launcher(LauncherError::Busy { .. }) => ExitClass::Busy,
            Self::Blocked(_)
            | Self::ConsentNeeded { .. }
            | Self::LeavesBehind { .. }
            | Self::Needed { .. }
            | Self::PauseUnannounced { .. }
            | Self::CannotGoBack { .. }
            | Self::Unfinished { .. } => ExitClass::Blocked,
            Self::NotListed { .. } | Self::Unpinned { .. } => ExitClass::Trust,
            Self::Plan(error) => error.class(),
            Self::NotInstalled { .. } => ExitClass::Usage,
            Self::Stale(_)
            | Self::NothingBefore { .. }
            | Self::Launcher(_)
            | Self::Store(_)
            | Self::Load(_)
            | Self::Data(_) => ExitClass::Failed,
        }
    }

    fn done(&self) -> String {
        let gone = matches!(self, Self::Data(_));
        if gone { "the app is removed; its data is still there" } else { "nothing was changed" }
            .to_owned()
    }

    fn todo(&self) -> String {
        match self {
            Self::Stale(stale) => format!("read the new plan: newleaf plan {}", stale.target),
            Self::Busy { .. } => "wait until it is over: newleaf status".to_owned(),
            Self::Rehearsing { .. } => {
                "wait until it is over, then try again; newleaf rehearse says what came of it"
                    .to_owned()
            }
            Self::Staged { .. } => "start the host, which tries it first: newleaf serve".to_owned(),
            Self::Launcher(LauncherError::Busy { .. }) => {
                "try the same plan again in half a minute".to_owned()
            }
            Self::Blocked(rows) => {
                let row = rows.iter().find(|row| row.standing == Standing::Block);
                row.and_then(|row| row.command.clone().or_else(|| row.remedy.clone()))
                    .unwrap_or_default()
            }
            Self::ConsentNeeded { target, .. } => format!(
                "read what it asks for, then say yes: newleaf update {target} --accept-permissions; \
                 or refuse this version: newleaf skip {target}"
            ),
            Self::LeavesBehind { .. } => {
                "update those apps first where a version runs on both, or go on without them: \
                 newleaf update core --suspend-apps"
                    .to_owned()
            }
            Self::Needed { by, .. } => {
                let first = by.first().map(|(app, _)| format!("newleaf apps remove {app}"));
                format!("remove what needs it first: {}", first.unwrap_or_default())
            }
            Self::PauseUnannounced { target, .. } => {
                format!("say yes to the pause, at a quiet time: newleaf update {target} --yes")
            }
            Self::Plan(error) => error.todo(),
            Self::NotListed { .. } => "make a new plan: newleaf plan".to_owned(),
            Self::NothingBefore { .. } => "newleaf status lists what there is".to_owned(),
            Self::NotInstalled { .. } => CHECK_THE_NAME.to_owned(),
            Self::CannotGoBack { .. } => {
                "keep the version that serves, or wait for the next one".to_owned()
            }
            Self::Unfinished { .. } => {
                "see to the disk, then restart the host: it tries again to go back".to_owned()
            }
            Self::Unpinned { namespace } => format!(
                "put trust/pins/{namespace}.json back from a backup; where there is none, remove the \
                 apps of {namespace}, keeping their data, and install them again"
            ),
            Self::Load(error) if !error.is_machine_fault() => {
                "go back to the version before, or wait for the next one".to_owned()
            }
            Self::Launcher(_) | Self::Store(_) | Self::Load(_) | Self::Data(_) => {
                "newleaf preflight names the folder and the command that mends it".to_owned()
            }
        }
    }
}

impl Updater {
    /// Carries a plan out, exactly so, in a task of its own. An app that is not installed is
    /// installed the same way.
    ///
    /// # Errors
    /// [`StartError`]; nothing was changed.
    pub async fn start(self: &Arc<Self>, approval: Approval) -> Result<UpdateId, StartError> {
        let _door = self.door().await?;
        let (change, listed) = self.approved(&approval).await?;
        if let Target::App(app) = &change.target {
            if let Some(error) = self.unfinished(app) {
                return Err(error);
            }
            self.refuse_if_unpinned(&app.namespace()).await?;
        }
        self.refuse_unless_ready(Scope::Change(&change)).await?;
        self.refuse_an_unannounced_pause(&change, approval.leeway).await?;
        let leeway = approval.leeway;
        self.remember_leeway(&approval).await?;
        let began = Began::of(&change, approval.plan, approval.by);
        self.begin(began, errand_of(listed, approval.suspend, leeway)).await
    }

    /// What is known of a pause already is asked for before anything is fetched.
    async fn refuse_an_unannounced_pause(
        &self,
        change: &Change,
        leeway: Leeway,
    ) -> Result<(), StartError> {
        if leeway.pause == Consent::Given {
            return Ok(());
        }
        let pause = self.rehearsal_of(change).await.and_then(|note| self.pause_of(&note));
        match pause.filter(|pause| pause.announced.is_some()) {
            Some(pause) => {
                Err(StartError::PauseUnannounced { target: change.target.clone(), pause })
            }
            None => Ok(()),
        }
    }

    /// The hops that follow the first are begun from what is kept of the plan.
    async fn remember_leeway(&self, approval: &Approval) -> Result<(), StartError> {
        let memo = self.recall_plan(&approval.plan).await.map_err(StartError::from)?;
        let memo = PlanMemo { leeway: approval.leeway, ..memo };
        self.put_memo(&memo).await.map_err(StartError::Store)
    }

    /// Goes back to the version before, which is still on this machine.
    ///
    /// # Errors
    /// [`StartError`]; nothing was changed.
    pub async fn rollback(
        self: &Arc<Self>,
        target: &Target,
        by: String,
    ) -> Result<UpdateId, StartError> {
        let _door = self.door().await?;
        self.refuse_unless_ready(Scope::Machine).await?;
        let state = self.state();
        let nothing = || StartError::NothingBefore { target: target.clone() };
        let (from, to, digest, errand) = match target {
            Target::Core => {
                let slot = state.core.previous.clone().ok_or_else(nothing)?;
                let reader = self.core_reader(&state.core.good).await.map_err(StartError::Store)?;
                if let Some(error) = unreadable(&slot, reader) {
                    return Err(error);
                }
                let from = state.core.good.version.clone();
                (from, slot.version.clone(), slot.digest, Errand::CoreBack { slot: Box::new(slot) })
            }
            Target::App(app) => {
                if let Some(error) = self.unfinished(app) {
                    return Err(error);
                }
                let row = state
                    .apps
                    .get(app)
                    .ok_or_else(|| StartError::NotInstalled { app: app.clone() })?;
                let (old, new) = row.good.clone().zip(row.previous.clone()).ok_or_else(nothing)?;
                let (from, to, digest) = (old.version.clone(), new.version.clone(), new.digest);
                (from, to, digest, back(app, old, new))
            }
        };
        // Nobody planned it, but the journal wants an id that tells this run from others.
        let plan = PlanId::of(Digest::of(format!("back {target} {to} {}", state.seq).as_bytes()));
        let began = Began {
            target: target.clone(),
            from: Some(from),
            to,
            digest,
            plan,
            way: Way::Back,
            by,
        };
        self.begin(began, errand).await
    }

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
        let plugins = &self.ports().plugins;
        let serves = plugins.serving(app).is_some_and(|serving| serving.stopped.is_none());
        let good = self.state().apps.get(app).and_then(|row| row.good.clone());
        let Some(slot) = good.filter(|_| self.is_off(app) || !serves) else {
            return self.change_app(app, AppChange::Enable).await.map(drop);
        };
        let history = self.history().await.map_err(StartError::Launcher)?;
        let choice = self.choice_of(app, &history).await;
        plugins.swap(app, &slot).await.map_err(StartError::Load)?;
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

    /// Until the way back is done, the data may be half migrated: nothing may be served on it, copied
    /// from it or kept of it.
    fn unfinished(&self, app: &PackageName) -> Option<StartError> {
        let state = self.state();
        let trial = state.apps.get(app)?.trial.as_ref()?;
        Some(StartError::Unfinished { app: app.clone(), update: trial.update.clone() })
    }

    async fn refuse_if_unpinned(&self, namespace: &Namespace) -> Result<(), StartError> {
        let pins = self.ports().store.pins().await.map_err(StartError::Store)?;
        if self.unpinned(&pins).contains(namespace) {
            return Err(StartError::Unpinned { namespace: namespace.clone() });
        }
        Ok(())
    }

    /// The door to a change: held by one at a time, and only while nothing else is under way.
    pub(crate) async fn door(&self) -> Result<tokio::sync::MutexGuard<'_, ()>, StartError> {
        if let Some((target, version)) = self.rehearsing().clone() {
            return Err(StartError::Rehearsing { target, version });
        }
        let door = self.starting().lock().await;
        self.refuse_if_busy().await?;
        Ok(door)
    }

    async fn refuse_if_busy(&self) -> Result<(), StartError> {
        let Some(running) = self.running().await.map_err(StartError::Launcher)? else {
            return Ok(());
        };
        match self.staged() {
            Some((update, version)) if update == running => {
                Err(StartError::Staged { update, version })
            }
            Some(_) | None => Err(StartError::Busy { running }),
        }
    }

    pub(crate) async fn refuse_unless_ready(&self, scope: Scope<'_>) -> Result<(), StartError> {
        let rows = preflight::measure(self, scope, None).await;
        if rows.iter().any(|row| row.standing == Standing::Block) {
            return Err(StartError::Blocked(rows));
        }
        Ok(())
    }

    /// The first change of the approved plan, made again now, and the signed file behind it. A
    /// plan's other changes are begun by [`Updater::go_on`], each once the one before was kept.
    pub(crate) async fn approved(
        &self,
        approval: &Approval,
    ) -> Result<(Change, Listed), StartError> {
        let memo = self.recall_plan(&approval.plan).await.map_err(StartError::from)?;
        let check = |error: CheckError| StartError::from(PlanError::Check(error));
        let known = self.known_for(&memo.target).await.map_err(check)?;
        let installed = self.installed().await.map_err(StartError::Store)?;
        let request = Request { target: memo.target.clone(), version: memo.version.clone() };
        let (policy, now) = (&self.policy(), self.ports().clock.now());
        let (planned, stale) =
            recheck(&memo.plan, &installed, &known.targets, policy, &request, now);
        let plan = planned.plan().cloned();
        if let Some(stale) = stale {
            return Err(self.stale(&stale, memo.target, memo.version, plan).await);
        }
        let changes = plan.map(|plan| plan.changes).unwrap_or_default();
        // A yes is asked for once, before the first hop, for what any of them asks.
        let asking = changes.iter().find(|change| change.needs_consent());
        if let Some(change) = asking.filter(|_| approval.consent == Consent::NotGiven) {
            let wider = self.worded_grants(&known, change).await;
            let target = change.target.clone();
            return Err(StartError::ConsentNeeded { target, changes: wider });
        }
        if let Some(error) = self.leaves_behind(approval, &changes, &known, &installed) {
            return Err(error);
        }
        let Some(change) = changes.into_iter().next() else {
            return Err(self.stale(&Stale::Empty, memo.target, memo.version, None).await);
        };
        match listed(&known, &change) {
            Some(listed) => Ok((change, listed)),
            None => Err(StartError::NotListed { path: change.path }),
        }
    }

    /// Apps that the new core does not run are named before anything begins, unless an admin said
    /// that they are suspended, or the settings say that core goes on whatever breaks.
    fn leaves_behind(
        &self,
        approval: &Approval,
        changes: &[Change],
        known: &Known,
        installed: &Installed,
    ) -> Option<StartError> {
        let goal = changes.last().filter(|goal| goal.target == Target::Core);
        let (Some(goal), Consent::NotGiven, Rehearsal::Required) =
            (goal, approval.suspend, self.settings().rehearsal)
        else {
            return None;
        };
        let apps = newleaf_plan::left_behind(installed, &known.targets, &self.policy(), &goal.to);
        (!apps.is_empty()).then_some(StartError::LeavesBehind { apps })
    }

    /// Says why a plan is old, and remembers the one that takes its place.
    async fn stale(
        &self,
        stale: &Stale,
        target: Target,
        version: Option<Version>,
        replacement: Option<newleaf_plan::Plan>,
    ) -> StartError {
        if let Some(plan) = &replacement
            && let Err(error) = self.remember(plan, &target, version).await
        {
            return StartError::Store(error);
        }
        StartError::Stale(Box::new(StalePlan { why: stale.to_string(), target, replacement }))
    }

    /// Writes the first record and lets the rest run.
    async fn begin(self: &Arc<Self>, began: Began, errand: Errand) -> Result<UpdateId, StartError> {
        let cx = self.first_record(began).await.map_err(StartError::Launcher)?;
        let id = cx.id.clone();
        tokio::spawn(carry::out(cx, errand));
        Ok(id)
    }

    /// Writes the first record.
    pub(crate) async fn first_record(
        self: &Arc<Self>,
        began: Began,
    ) -> Result<Context, LauncherError> {
        let launcher = &self.ports().launcher;
        let next = self.ledger().await?.last_seq() + 1;
        let id = UpdateId::new(self.ports().clock.now(), &began.plan, next);
        let cx = began.context(self.clone(), id.clone());
        launcher.append(Some(&id), began.entry()).await?;
        tracing::info!(update = %id, target = %cx.target, to = %cx.to, "an update begins");
        Ok(cx)
    }
}

/// Core goes back in code only, so the old program must be able to run on the database as it is;
/// gives why it may not.
fn unreadable(old: &CoreSlot, oldest_reader: u32) -> Option<StartError> {
    (old.schema < oldest_reader).then(|| StartError::CannotGoBack {
        target: Target::Core,
        version: old.version.clone(),
        why: format!(
            "it writes schema {}, the data needs a program of {oldest_reader} or newer",
            old.schema
        ),
    })
}

fn back(app: &PackageName, old: AppSlot, new: AppSlot) -> Errand {
    Errand::AppBack { app: app.clone(), old: Box::new(old), new: Box::new(new) }
}

/// What carries a planned change out.
pub(crate) fn errand_of(listed: Listed, suspend: Consent, leeway: Leeway) -> Errand {
    match listed.change().target.clone() {
        Target::Core => Errand::Core { listed: Box::new(listed), suspend },
        Target::App(app) => Errand::App { app, listed: Box::new(listed), leeway },
    }
}

/// The signed file behind a change; none where no signed role lists it.
pub(crate) fn listed(known: &Known, change: &Change) -> Option<Listed> {
    let file = known.targets.file(&change.path).filter(|file| file.sha256 == change.digest)?;
    let signer = match &change.target {
        Target::App(app) => known.targets.signers.get(&app.namespace()).cloned(),
        Target::Core => None,
    };
    Some(Listed::new(change.clone(), file.clone(), signer))
}

/// The first record of an update.
#[derive(Debug)]
pub(crate) struct Began {
    target: Target,
    from: Option<Version>,
    to: Version,
    digest: Digest,
    plan: PlanId,
    way: Way,
    by: String,
}

impl Began {
    /// The record of a planned change.
    pub(crate) fn of(change: &Change, plan: PlanId, by: String) -> Self {
        Self {
            target: change.target.clone(),
            from: change.from.clone(),
            to: change.to.clone(),
            digest: change.digest,
            plan,
            way: Way::Forward,
            by,
        }
    }

    fn context(&self, updater: Arc<Updater>, id: UpdateId) -> Context {
        let (target, from, to) = (self.target.clone(), self.from.clone(), self.to.clone());
        Context { updater, id, target, from, to, way: self.way }
    }

    fn entry(self) -> Entry {
        let Self { target, from, to, digest, plan, way, by } = self;
        Entry::Began { target, from, to, digest, plan, way, by }
    }
}
