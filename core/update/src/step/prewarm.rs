//! Compiles what will run before anything waits for it.

use crate::run::{Context, Passed, StepResult};
use crate::step::{AppSwitch, plugin_failed};

/// Compiles and links an app's new version while the old one serves.
pub(crate) async fn app(cx: Context, switch: &AppSwitch) -> StepResult<()> {
    let plugins = &cx.updater.ports().plugins;
    let detail =
        plugins.prepare(&switch.app, &switch.new).await.map_err(|error| plugin_failed(&error))?;
    Ok(Passed::done((), detail))
}

/// Core: the installed apps are not yet compiled with the new engine ahead of the switch.
pub(crate) fn core() -> Passed<()> {
    Passed::skipped((), "the new version compiles the apps when it starts, while this one serves")
}
