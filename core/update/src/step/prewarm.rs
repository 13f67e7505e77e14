//! Compiles what will run before anything waits for it.

use newleaf_launcher::state::CoreSlot;

use crate::Rehearsal;
use crate::explain::chain;
use crate::port::{Warmed, counted};
use crate::run::{Blame, Broken, Context, Passed, StepResult, Stop};
use crate::step::{AppSwitch, plugin_failed};

/// Compiles and links an app's new version while the old one serves.
pub(crate) async fn app(cx: Context, switch: &AppSwitch) -> StepResult<()> {
    let plugins = &cx.updater.ports().plugins;
    let detail =
        plugins.prepare(&switch.app, &switch.new).await.map_err(|error| plugin_failed(&error))?;
    Ok(Passed::done((), detail))
}

/// Core: lets the new version compile and link every app that serves, so that its start waits for
/// none of them and no app breaks by surprise.
pub(crate) async fn core(cx: Context, slot: &CoreSlot, policy: Rehearsal) -> StepResult<Warmed> {
    let settings = cx.updater.settings();
    let warmed = match cx.updater.ports().slots.prewarm(slot, settings.rehearsal_waits.expand).await
    {
        Ok(Some(warmed)) => warmed,
        Ok(None) => {
            let why = "this version compiles the apps when it starts, while the one before serves";
            return Ok(Passed::skipped(Warmed::default(), why));
        }
        Err(error) => {
            let why = format!("the apps were not compiled ahead: {}", chain(&error));
            return Ok(Passed::warned(Warmed::default(), why));
        }
    };
    match (warmed.breaks(), policy) {
        (None, _) if warmed.apps == 0 => Ok(Passed::done(warmed, "no apps are installed")),
        (None, _) => {
            let detail = format!("{} compiled and linked", counted(warmed.apps));
            Ok(Passed::done(warmed, detail))
        }
        (Some(breaks), Rehearsal::Required) => Err(Stop::Failed(Broken {
            what: breaks,
            todo:
                "update or switch off these apps first, or set core.rehearsal = \"warn\" to go on \
                   without them"
                    .to_owned(),
            // Other hosts have other apps: it is no evidence against the version.
            blame: Blame::Machine,
        })),
        (Some(breaks), Rehearsal::Warn | Rehearsal::Off) => Ok(Passed::warned(warmed, breaks)),
    }
}

/// Skips on the way back, with the reason that people read.
pub(crate) fn core_back() -> Passed<()> {
    Passed::skipped((), "the version before ran these apps already")
}
