//! App: parks new requests and lets running ones finish.

use crate::run::{Context, Passed, StepResult};
use crate::step::{AppSwitch, OFF, plugin_failed};

/// Holds, and waits until nothing of the app runs.
pub(crate) async fn run(cx: Context, switch: &AppSwitch) -> StepResult<()> {
    let plugins = &cx.updater.ports().plugins;
    if switch.old.is_none() {
        return Ok(Passed::skipped((), "nothing serves it yet"));
    }
    if cx.updater.is_off(&switch.app) {
        return Ok(Passed::skipped((), OFF));
    }
    plugins.hold(&switch.app).await.map_err(|error| plugin_failed(&error))?;
    let within = cx.updater.settings().drain_within;
    plugins.drained(&switch.app, within).await.map_err(|error| plugin_failed(&error))?;
    Ok(Passed::done((), "no request runs; new ones wait"))
}
