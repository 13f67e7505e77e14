//! The steps of an update, one file each. A step takes what the former one proved, does one thing,
//! and can run twice: what it finds done it does not do again.

pub(crate) mod activate;
pub(crate) mod check;
pub(crate) mod commit;
pub(crate) mod expand;
pub(crate) mod fetch;
pub(crate) mod health;
pub(crate) mod hold;
pub(crate) mod migrate;
pub(crate) mod prewarm;
pub(crate) mod rehearse;
pub(crate) mod release;
pub(crate) mod rollback;
pub(crate) mod snapshot;
pub(crate) mod stage;
pub(crate) mod verify;

use newleaf_domain::PackageName;
use newleaf_launcher::state::{AppSlot, Way};

use crate::port::PluginError;
use crate::run::{Blame, Broken, Context, Stop};

/// Why nobody reaches an app that was brought to another version while it was off.
pub(crate) const OFF: &str = "it is switched off";

/// An app's switch from one slot to another, as its steps need it.
#[derive(Debug, Clone)]
pub(crate) struct AppSwitch {
    /// The app.
    pub(crate) app: PackageName,
    /// What serves; none at a first install.
    pub(crate) old: Option<AppSlot>,
    /// What is to serve.
    pub(crate) new: AppSlot,
}

/// Whether requests reach an app once it is switched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// They do.
    Serves,
    /// They do not: it is off, and stays so.
    StaysOff,
}

impl Afterwards {
    /// The one rule: an app that an admin switched off stays off, forward and back. One that stopped
    /// because a way back would have lost data is off for that reason alone: whoever goes back all
    /// the same wants the version before to serve.
    pub(crate) async fn of(cx: &Context, app: &PackageName) -> Self {
        let is_off = cx.updater.is_off(app);
        let stopped = is_off && cx.way == Way::Back && cx.updater.stopped_over_data(app).await;
        if is_off && !stopped { Self::StaysOff } else { Self::Serves }
    }
}

/// A failure of an app, blamed on its version unless the machine is at fault.
pub(crate) fn plugin_failed(error: &PluginError) -> Stop {
    if error.is_machine_fault() {
        return Broken::machine(error, "see to the machine, then try again");
    }
    Stop::Failed(Broken {
        what: crate::explain::chain(error),
        todo: "tell the app's author".to_owned(),
        blame: Blame::Version,
    })
}
