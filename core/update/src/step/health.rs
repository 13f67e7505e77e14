//! App: asks the new version for its health, before any request reaches it.

use crate::run::{Context, Passed, StepResult};
use crate::step::{AppSwitch, plugin_failed};

/// Fails where the version is not well.
pub(crate) async fn run(cx: Context, switch: &AppSwitch) -> StepResult<()> {
    let plugins = &cx.updater.ports().plugins;
    plugins.health(&switch.app, &switch.new).await.map_err(|error| plugin_failed(&error))?;
    Ok(Passed::done((), "it says that it is well"))
}
