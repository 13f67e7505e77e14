//! `newleaf history`: the updates of this host, newest first.

use newleaf_update::view::HistoryEntry;

use super::Context;
use crate::cli::{Exit, show};
use crate::route::Problem;

pub(super) async fn run(context: Context<'_>) -> Result<Exit, Problem> {
    let entries: Vec<HistoryEntry> = context.door.get("/api/v1/history").await?;
    context.screen.show(|| show::history(&entries), &entries);
    Ok(Exit::Done)
}
