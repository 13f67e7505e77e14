//! Switches to the new version: an app in one write of `state`, core by putting it on trial.

use newleaf_launcher::proto::Ask;
use newleaf_launcher::state::{AppSlot, CoreSlot, Way};

use crate::port::LauncherError;
use crate::run::{Broken, Context, Passed, StepResult};
use crate::step::{AppSwitch, plugin_failed};

/// Puts the new version behind the hold, pins its author's signer, then writes `state`: from that
/// write on, the new version is what this host runs.
pub(crate) async fn app(cx: Context, switch: &AppSwitch, snapshot: &str) -> StepResult<()> {
    let ports = cx.updater.ports();
    ports.plugins.swap(&switch.app, &switch.new).await.map_err(|error| plugin_failed(&error))?;
    let pinned = cx.updater.pin_signer(&switch.app.namespace()).await;
    pinned.map_err(|error| Broken::machine(&error, "see to the trust folder, then try again"))?;
    // A version that is gone back to keeps no copy: there is nothing newer to go back from.
    let kept = match cx.way {
        Way::Forward => Some(snapshot.to_owned()),
        Way::Back => None,
    };
    let slot = Box::new(AppSlot { snapshot: kept, ..switch.new.clone() });
    let previous = match cx.way {
        Way::Forward => switch.old.clone().map(|old| Box::new(AppSlot { snapshot: None, ..old })),
        Way::Back => None,
    };
    ports.launcher.ask(Ask::CommitApp { app: switch.app.clone(), slot, previous }).await?;
    Ok(Passed::done((), format!("{} {}", switch.app, switch.new.version)))
}

/// Point A: hands core to the launcher, which starts, probes, watches and records from here on.
pub(crate) async fn arm(cx: &Context, slot: &CoreSlot) -> Result<(), LauncherError> {
    let ask = Ask::Arm { update: cx.id.clone(), slot: Box::new(slot.clone()), way: cx.way };
    cx.updater.ports().launcher.ask(ask).await.map(|_| ())
}
