//! `newleaf rehearse`: tries a version of core or of an app on a copy of the data, without updating.

use newleaf_update::view::RehearsalNote;

use super::{Context, check};
use crate::cli::Exit;
use crate::cli::arguments::Rehearse;
use crate::route::{PlanRequest, Problem};

pub(super) async fn run(context: Context<'_>, arguments: Rehearse) -> Result<Exit, Problem> {
    let Rehearse { target, version } = arguments;
    check::look(context).await?;
    let request = PlanRequest { target, version };
    let note: RehearsalNote = context.door.post("/api/v1/rehearse", &request).await?;
    context.screen.show(|| text(&note), &note);
    Ok(if note.is_good() { Exit::Done } else { Exit::Failed })
}

fn text(note: &RehearsalNote) -> String {
    let RehearsalNote { target, from, version, .. } = note;
    let mut lines = vec![format!("{target}  {from} -> {version}, rehearsed")];
    lines.extend(note.sentences().into_iter().map(|told| format!("  {told}")));
    lines.push("nothing that serves was changed".to_owned());
    lines.join("\n")
}
