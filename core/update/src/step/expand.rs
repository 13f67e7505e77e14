//! Core: lets the new version extend the database while the old one serves.
//! Only adds to the schema, so that the old version's writes go on.

use std::time::Duration;

use newleaf_launcher::proto::Ask;
use newleaf_launcher::state::CoreSlot;

use crate::explain::chain;
use crate::port::ExpandError;
use crate::run::{Broken, Context, Passed, StepResult, Stop};

/// Runs the new slot's `worker --expand` as a child, within its deadline.
pub(crate) async fn run(cx: Context, slot: &CoreSlot, within: Duration) -> StepResult<()> {
    let ports = cx.updater.ports();
    ports.launcher.ask(Ask::Expand { update: cx.id.clone() }).await?;
    let heard =
        |line: &str| tracing::debug!(update = %cx.id, line, "the database is being extended");
    let expanded = ports.slots.expand(slot, within, &heard).await;
    expanded.map_err(|error| failed(&error))?;
    Ok(Passed::done((), format!("schema {}", slot.schema)))
}

/// The version's own failure is remembered against it, the machine's is not.
fn failed(error: &ExpandError) -> Stop {
    if error.is_machine_fault() {
        let todo = "see to the machine, then try again: it goes on where it stopped";
        return Broken::machine(error, todo);
    }
    let todo = "tell the product's vendor; the database was only added to, and serves as before";
    Broken::version(chain(error), todo)
}
