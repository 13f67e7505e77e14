//! `newleaf history`: the updates of this host, or of one target, newest first.

use newleaf_domain::Target;
use newleaf_update::view::HistoryEntry;

use super::Context;
use crate::cli::{Exit, show};
use crate::route::Problem;

pub(super) async fn run(context: Context<'_>, target: Option<Target>) -> Result<Exit, Problem> {
    let path = match &target {
        Some(target) => format!("/api/v1/history?target={target}"),
        None => "/api/v1/history".to_owned(),
    };
    let entries: Vec<HistoryEntry> = context.door.get(&path).await?;
    context.screen.show(|| show::history(&entries), &entries);
    Ok(Exit::Done)
}
