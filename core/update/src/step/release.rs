//! App: lets the parked requests go on, to the new version.

use newleaf_domain::PackageName;
use newleaf_launcher::proto::{AppChange, Ask};

use crate::port::LauncherError;
use crate::run::{Context, Passed, StepResult};
use crate::step::{Afterwards, AppSwitch, OFF, plugin_failed};

/// Releases.
pub(crate) async fn run(cx: Context, switch: &AppSwitch) -> StepResult<()> {
    if Afterwards::of(&cx, &switch.app).await == Afterwards::StaysOff {
        return Ok(Passed::skipped((), OFF));
    }
    let was_off = cx.updater.is_off(&switch.app);
    switch_on(&cx, &switch.app).await?;
    let plugins = &cx.updater.ports().plugins;
    plugins.release(&switch.app).await.map_err(|error| plugin_failed(&error))?;
    Ok(Passed::done((), if was_off { "it was off, and is switched on again" } else { "" }))
}

/// Switches the app on, where it was off.
pub(crate) async fn switch_on(cx: &Context, app: &PackageName) -> Result<(), LauncherError> {
    if cx.updater.is_off(app) {
        let ask = Ask::SetApp { app: app.clone(), change: AppChange::Enable };
        cx.updater.ports().launcher.ask(ask).await?;
    }
    Ok(())
}
