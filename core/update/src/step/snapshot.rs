//! App: copies the data as it was, and names the copy in `state` once it is complete.

use newleaf_domain::{PackageName, UpdateId};
use newleaf_launcher::proto::Ask;
use newleaf_launcher::state::{AppSlot, AppTrial};

use crate::pause::Pace;
use crate::run::{Context, Passed, StepResult};
use crate::step::AppSwitch;

/// The name of the copy of `app` that `update` makes.
pub(crate) fn folder_of(app: &PackageName, update: &UpdateId) -> String {
    format!("{}.{}.{update}", app.namespace(), app.app())
}

/// Copies the quiet data. From the moment `state` names the copy, an interruption puts it back.
pub(crate) async fn run(cx: Context, switch: &AppSwitch, pace: &Pace) -> StepResult<String> {
    let ports = cx.updater.ports();
    let folder = folder_of(&switch.app, &cx.id);
    let copied = ports.plugins.snapshot(&switch.app, &folder);
    let size = pace.within(&cx, "save its data", copied).await?;
    let slot = AppSlot { snapshot: None, ..switch.new.clone() };
    let trial = AppTrial { slot, update: cx.id.clone(), snapshot: Some(folder.clone()) };
    ports.launcher.ask(Ask::TrialApp { app: switch.app.clone(), trial: Box::new(trial) }).await?;
    Ok(Passed::done(folder, size.to_string()))
}
