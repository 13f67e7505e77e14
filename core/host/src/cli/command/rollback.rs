//! `newleaf rollback`: goes back to the version before.

use newleaf_domain::Target;
use newleaf_update::view::{Overview, UndoOffer};

use super::{Context, follow};
use crate::cli::Exit;
use crate::cli::arguments::{Rollback, Spoken};
use crate::route::{ConsentWord, Kind, Problem, RollbackRequest, Started};

pub(super) async fn run(context: Context<'_>, arguments: Rollback) -> Result<Exit, Problem> {
    let overview: Overview = context.door.get("/api/v1/status").await?;
    let undo = undo_of(&overview, &arguments.target);
    let consent = consent(context, undo, &arguments)?;
    let shown = undo.and_then(|undo| undo.mark);
    let request = RollbackRequest { target: arguments.target, consent, shown };
    let started: Started = context.door.post("/api/v1/rollback", &request).await?;
    follow::to_the_end(context, &started).await
}

fn undo_of<'a>(overview: &'a Overview, target: &Target) -> Option<&'a UndoOffer> {
    match target {
        Target::Core => overview.core.undo.as_ref(),
        Target::App(name) => overview.apps.iter().find(|app| app.id == *name)?.undo.as_ref(),
    }
}

/// Going back asks only where something would be lost.
fn consent(
    context: Context<'_>,
    undo: Option<&UndoOffer>,
    arguments: &Rollback,
) -> Result<ConsentWord, Problem> {
    let Some((undo, loses)) = undo.and_then(|undo| Some((undo, undo.loses.as_ref()?))) else {
        return Ok(ConsentWord::NotGiven);
    };
    let target = &arguments.target;
    let question = format!("Going back to {target} {} loses: {loses}. Go back?", undo.version);
    if arguments.yes.consent() == Spoken::Yes || context.screen.asks(&question) {
        return Ok(ConsentWord::Given);
    }
    Err(Problem::new(
        Kind::ConsentNeeded,
        format!("go back to {} without a yes: {loses} would be lost", undo.version),
    )
    .todo(format!("newleaf rollback {target} --yes")))
}
