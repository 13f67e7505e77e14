//! Core: lets the new version extend the database while the old one serves.
//! Only adds to the schema, so that the old version's writes go on.

use newleaf_launcher::proto::Ask;
use newleaf_launcher::state::CoreSlot;

use crate::run::{Broken, Context, Passed, StepResult};

/// Runs the new slot's `worker --expand` as a child, within its deadline.
pub(crate) async fn run(cx: Context, slot: &CoreSlot) -> StepResult<()> {
    let ports = cx.updater.ports();
    ports.launcher.ask(Ask::Expand { update: cx.id.clone() }).await?;
    let within = cx.updater.settings().expand_within;
    let heard =
        |line: &str| tracing::debug!(update = %cx.id, line, "the database is being extended");
    let expanded = ports.slots.expand(slot, within, &heard).await;
    expanded.map_err(|error| {
        Broken::machine(
            &error,
            "read the log of the host; the database was only added to, and serves as before",
        )
    })?;
    Ok(Passed::done((), format!("schema {}", slot.schema)))
}
