//! `newleaf status`: what runs, and what could be updated.

use newleaf_update::view::Overview;

use super::Context;
use crate::cli::{Exit, show};
use crate::route::Problem;

pub(super) async fn run(context: Context<'_>) -> Result<Exit, Problem> {
    let overview: Overview = context.door.get("/api/v1/status").await?;
    context.screen.show(|| show::overview(&overview), &overview);
    Ok(Exit::Done)
}
