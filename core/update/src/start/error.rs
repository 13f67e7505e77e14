//! Why an update does not begin, in words that a person can act on.

use newleaf_domain::{GrantChange, Namespace, PackageName, Target, UpdateId, Version, VersionReq};
use newleaf_plan::LeftBehind;

use crate::explain::{CHECK_THE_NAME, ExitClass, Explain};
use crate::planning::PlanError;
use crate::port::{LauncherError, PluginError, StoreError};
use crate::view::{Pause, Prerequisite, StalePlan, Standing};

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
    /// Going back loses data, and nobody said yes to that.
    #[error("going back to {target} {version} without a yes: {loses} would be lost")]
    WouldLose {
        /// Core or the app.
        target: Target,
        /// The version before.
        version: Version,
        /// What would be lost.
        loses: String,
    },
    /// What going back does is not what was shown when somebody said yes to it.
    #[error(
        "what going back does has changed since it was shown: {target} would go to {version} now"
    )]
    UndoMoved {
        /// Core or the app.
        target: Target,
        /// The version before, as it is now.
        version: Version,
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
            | Self::WouldLose { .. }
            | Self::UndoMoved { .. }
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
            Self::Staged { .. } => {
                "start the host, which tries it first: newleaf serve; where nothing comes up then, \
                 its recovery page starts the version before"
                    .to_owned()
            }
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
            Self::WouldLose { target, .. } => format!("newleaf rollback {target} --yes"),
            Self::UndoMoved { target, .. } => {
                format!("read what it does now, then say yes: newleaf rollback {target}")
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
pub(super) fn needing(by: &[(PackageName, VersionReq)]) -> String {
    let each = by.iter().map(|(app, wanted)| format!("{app} ({wanted})"));
    each.collect::<Vec<_>>().join(", ")
}
