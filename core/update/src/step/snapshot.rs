//! App: copies the data as it was, and names the copy in `state` once it is complete.

use newleaf_launcher::proto::Ask;
use newleaf_launcher::state::{AppSlot, AppTrial};

use crate::run::{Context, Passed, StepResult};
use crate::step::{AppSwitch, plugin_failed};

/// Copies the quiet data. From the moment `state` names the copy, an interruption puts it back.
pub(crate) async fn run(cx: Context, switch: &AppSwitch) -> StepResult<String> {
    let ports = cx.updater.ports();
    let folder = format!("{}.{}.{}", switch.app.namespace(), switch.app.app(), cx.id);
    let size = ports
        .plugins
        .snapshot(&switch.app, &folder)
        .await
        .map_err(|error| plugin_failed(&error))?;
    let slot = AppSlot { snapshot: None, ..switch.new.clone() };
    let trial = AppTrial { slot, update: cx.id.clone(), snapshot: Some(folder.clone()) };
    ports.launcher.ask(Ask::TrialApp { app: switch.app.clone(), trial: Box::new(trial) }).await?;
    Ok(Passed::done(folder, size.to_string()))
}
