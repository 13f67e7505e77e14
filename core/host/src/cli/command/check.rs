//! `newleaf check`: reads the repository now and says what there is.

use newleaf_update::view::Overview;
use serde_json::Value;

use super::Context;
use crate::cli::{Exit, show};
use crate::route::Problem;

pub(super) async fn run(context: Context<'_>) -> Result<Exit, Problem> {
    let overview = overview(context).await?;
    let text = || {
        let offers = super::update::offers(&overview);
        let found = if offers.is_empty() { overview.sentence.clone() } else { offers };
        format!("{found}\n{}", show::freshness(&overview.freshness))
    };
    context.screen.show(text, &overview);
    Ok(Exit::Done)
}

/// The host as it stands after a look at the repository.
pub(super) async fn overview(context: Context<'_>) -> Result<Overview, Problem> {
    look(context).await?;
    context.door.get("/api/v1/status").await
}

/// Reads the repository now.
pub(super) async fn look(context: Context<'_>) -> Result<(), Problem> {
    let _freshness: Value = context.door.post("/api/v1/check", &Value::Null).await?;
    Ok(())
}
