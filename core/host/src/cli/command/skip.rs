//! `newleaf skip`: says no to a version, and takes that back.

use newleaf_update::Skip;
use newleaf_update::view::SkipView;

use super::Context;
use crate::cli::Exit;
use crate::cli::arguments::SkipArguments;
use crate::route::{Problem, SkipRequest};

pub(super) async fn run(context: Context<'_>, arguments: SkipArguments) -> Result<Exit, Problem> {
    let SkipArguments { target, version, undo } = arguments;
    let skip = if undo { Skip::Offer } else { Skip::Refuse };
    let request = SkipRequest { target, version, skip };
    let view: SkipView = context.door.post("/api/v1/skip", &request).await?;
    context.screen.show(|| sentence(&view), &view);
    Ok(Exit::Done)
}

fn sentence(view: &SkipView) -> String {
    let each = view.skipped.iter().map(ToString::to_string).collect::<Vec<_>>();
    match each.as_slice() {
        [] => format!("every version of {} is offered that fits", view.target),
        each => format!("not offered of {}: {}", view.target, each.join(", ")),
    }
}
