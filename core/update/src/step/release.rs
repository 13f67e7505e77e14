//! App: lets the parked requests go on, to the new version.

use crate::run::{Context, Passed, StepResult};
use crate::step::{AppSwitch, plugin_failed};

/// Releases.
pub(crate) async fn run(cx: Context, switch: &AppSwitch) -> StepResult<()> {
    let plugins = &cx.updater.ports().plugins;
    plugins.release(&switch.app).await.map_err(|error| plugin_failed(&error))?;
    Ok(Passed::done((), ""))
}
