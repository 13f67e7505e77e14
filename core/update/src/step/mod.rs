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
use newleaf_launcher::state::AppSlot;

use crate::port::PluginError;
use crate::run::{Blame, Broken, Stop};

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

/// A failure of an app, blamed on its version unless the machine is at fault.
fn plugin_failed(error: &PluginError) -> Stop {
    if error.is_machine_fault() {
        return Broken::machine(error, "see to the machine, then try again");
    }
    Stop::Failed(Broken {
        what: crate::explain::chain(error),
        todo: "tell the app's author".to_owned(),
        blame: Blame::Version,
    })
}
