//! Measures the prerequisites once more, at the moment the update begins.

use newleaf_launcher::state::Way;

use crate::preflight;
use crate::run::{Blame, Broken, Context, Passed, StepResult, Stop};
use crate::view::Standing;
use newleaf_plan::Change;

/// Fails where a prerequisite does not hold. `change` is none where the update goes back to a
/// version that is still on this machine, which needs neither repository nor signatures.
pub(crate) async fn run(cx: Context, change: Option<&Change>) -> StepResult<()> {
    let scope = match (cx.way, change) {
        (Way::Forward, Some(change)) => preflight::Scope::Change(change),
        (Way::Forward | Way::Back, _) => preflight::Scope::Machine,
    };
    let measured = preflight::measure(&cx.updater, scope, Some(&cx.id)).await;
    let of = |standing| measured.iter().filter(move |row| row.standing == standing);
    if let Some(row) = of(Standing::Block).next() {
        let todo = row.command.clone().or_else(|| row.remedy.clone()).unwrap_or_default();
        return Err(Stop::Failed(Broken {
            what: format!("{}: {}", row.id.title(), row.measured),
            todo,
            blame: Blame::Machine,
        }));
    }
    match of(Standing::Warn).next() {
        Some(row) => Ok(Passed::warned((), row.measured.clone())),
        None => Ok(Passed::done((), format!("{} prerequisites hold", measured.len()))),
    }
}
