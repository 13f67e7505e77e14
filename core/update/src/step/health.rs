//! App: asks the new version for its health and for the pages it was rehearsed with, before any
//! request reaches it.

use crate::pause::Pace;
use crate::run::{Context, Passed, StepResult};
use crate::step::AppSwitch;

/// Fails where the version is not well, or breaks on a page that it answered in its rehearsal.
pub(crate) async fn run(cx: Context, switch: &AppSwitch, pace: &Pace) -> StepResult<()> {
    let plugins = &cx.updater.ports().plugins;
    let healthy = plugins.health(&switch.app, &switch.new);
    pace.within(&cx, "answer for its health", healthy).await?;
    let pages = pace.pages();
    if pages.is_empty() {
        return Ok(Passed::done((), "it says that it is well"));
    }
    let answered = plugins.probe(&switch.app, &switch.new, pages);
    pace.within(&cx, "answer the pages of its rehearsal", answered).await?;
    let pages =
        if pages.len() == 1 { "1 page".to_owned() } else { format!("{} pages", pages.len()) };
    Ok(Passed::done((), format!("it says that it is well, and answers {pages}")))
}
