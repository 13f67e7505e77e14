//! `newleaf plan`: what an update would do, without doing it.

use newleaf_domain::{Target, Version};
use newleaf_update::view::{Overview, PlanView};

use super::{Context, check};
use crate::cli::arguments::PlanArguments;
use crate::cli::{Exit, show};
use crate::route::{Kind, PlanRequest, Problem};

pub(super) async fn run(context: Context<'_>, arguments: &PlanArguments) -> Result<Exit, Problem> {
    let targets = if arguments.targets.targets.is_empty() {
        offered(&check::overview(context).await?)
    } else {
        arguments.targets.targets.clone()
    };
    one_version_one_target(arguments.version.as_ref(), &targets)?;
    if targets.is_empty() {
        context.screen.say("nothing to update");
    }
    let mut exit = Exit::Done;
    for target in targets {
        match make(context, target, arguments.version.clone()).await {
            Ok(view) => show_plan(context, &view),
            Err(problem) if problem.is(Kind::UpToDate) => {
                context.screen.show(|| problem.detail.clone(), &problem);
            }
            Err(problem) => {
                exit = exit.and(Exit::of(problem.kind.exit()));
                context.problem(problem);
            }
        }
    }
    Ok(exit)
}

/// Makes a plan, and keeps it on the host.
pub(super) async fn make(
    context: Context<'_>,
    target: Target,
    version: Option<Version>,
) -> Result<PlanView, Problem> {
    context.door.post("/api/v1/plan", &PlanRequest { target, version }).await
}

/// Prints a plan, its prerequisites included.
pub(super) fn show_plan(context: Context<'_>, view: &PlanView) {
    context.screen.show(|| show::plan(view), view);
}

/// What can be updated, apps before core.
pub(super) fn offered(overview: &Overview) -> Vec<Target> {
    let apps = overview.apps.iter().filter(|app| app.offer.is_some());
    let core = overview.core.offer.as_ref().map(|_| Target::Core);
    apps.map(|app| Target::App(app.id.clone())).chain(core).collect()
}

/// A version names a release of one target only.
pub(super) fn one_version_one_target(
    version: Option<&Version>,
    targets: &[Target],
) -> Result<(), Problem> {
    match version {
        Some(version) if targets.len() != 1 => Err(Problem::new(
            Kind::Malformed,
            format!("tell what version {version} is of: {} targets are named", targets.len()),
        )
        .todo("name one target beside --version")),
        Some(_) | None => Ok(()),
    }
}
