//! Switches to the new version: an app in one write of `state`, core by putting it on trial.

use std::time::Duration;

use newleaf_domain::PackageName;
use newleaf_launcher::proto::Ask;
use newleaf_launcher::state::{AppSlot, CoreSlot, Way};
use newleaf_trust::Pin;

use crate::port::{Counting, LauncherError};
use crate::run::{Blame, Broken, Context, Passed, StepResult, Stop};
use crate::step::{Afterwards, AppSwitch, OFF, plugin_failed};

/// Puts the new version behind the hold, pins its author's signer, then writes `state`: from that
/// write on, the new version is what this host runs. An app that stays off is not loaded.
pub(crate) async fn app(
    cx: Context,
    switch: &AppSwitch,
    snapshot: &str,
    signer: Option<&Pin>,
) -> StepResult<()> {
    let ports = cx.updater.ports();
    let afterwards = Afterwards::of(&cx, &switch.app).await;
    if afterwards == Afterwards::Serves {
        ports
            .plugins
            .swap(&switch.app, &switch.new, Counting::Begins)
            .await
            .map_err(|error| plugin_failed(&error))?;
    }
    // A version that is gone back to was installed before: its signer was pinned then.
    if cx.way == Way::Forward {
        pin(&cx, switch, signer).await?;
    }
    let commit = commit(&switch.app, &switch.new, switch.old.as_ref(), Some(snapshot), cx.way);
    ports.launcher.ask(commit).await?;
    if afterwards == Afterwards::StaysOff {
        ports.plugins.stop(&switch.app, OFF).await;
    }
    Ok(Passed::done((), format!("{} {}", switch.app, switch.new.version)))
}

/// What makes `new` the version of `app` in the place of `old`. A version that is gone back to
/// keeps no copy: there is nothing newer to go back from.
pub(crate) fn commit(
    app: &PackageName,
    new: &AppSlot,
    old: Option<&AppSlot>,
    snapshot: Option<&str>,
    way: Way,
) -> Ask {
    let (kept, previous) = match way {
        Way::Forward => (snapshot.map(str::to_owned), old.cloned()),
        Way::Back => (None, None),
    };
    let slot = Box::new(AppSlot { snapshot: kept, ..new.clone() });
    let previous = previous.map(|old| Box::new(AppSlot { snapshot: None, ..old }));
    Ask::CommitApp { app: app.clone(), slot, previous }
}

/// Keeps the signer of a namespace that something is installed from for the first time.
async fn pin(cx: &Context, switch: &AppSwitch, signer: Option<&Pin>) -> Result<(), Stop> {
    let (store, namespace) = (&cx.updater.ports().store, switch.app.namespace());
    let broken = |error| Broken::machine(&error, "see to the trust folder, then try again");
    if store.pins().await.map_err(broken)?.iter().any(|pin| pin.ns == namespace) {
        return Ok(());
    }
    let Some(signer) = signer else {
        return Err(Stop::Failed(Broken {
            what: format!("the signer of {namespace} is not known, so it cannot be pinned"),
            todo: "check for updates, then make a new plan".to_owned(),
            blame: Blame::Machine,
        }));
    };
    store.put_pin(signer).await.map_err(broken)
}

/// Point A: hands core to the launcher, which starts, probes, watches and records from here on.
/// Where the next start is to extend the data, `expand_within` is how long that may take.
pub(crate) async fn arm(
    cx: &Context,
    slot: &CoreSlot,
    expand_within: Option<Duration>,
) -> Result<(), LauncherError> {
    let expand_within_ms =
        expand_within.map(|within| u64::try_from(within.as_millis()).unwrap_or(u64::MAX));
    let (update, slot) = (cx.id.clone(), Box::new(slot.clone()));
    let ask = Ask::Arm { update, slot, way: cx.way, expand_within_ms };
    cx.updater.ports().launcher.ask(ask).await.map(|_| ())
}
