//! `newleaf preflight`: measures whether an update could run.

use newleaf_domain::Target;
use newleaf_update::view::{Prerequisite, Standing};

use super::Context;
use crate::cli::{Exit, show};
use crate::route::Problem;

pub(super) async fn run(context: Context<'_>, targets: &[Target]) -> Result<Exit, Problem> {
    let mut exit = Exit::Done;
    if targets.is_empty() {
        return one(context, "/api/v1/preflight").await;
    }
    for target in targets {
        if targets.len() > 1 {
            context.screen.say(&format!("{target}:"));
        }
        let measured = one(context, &format!("/api/v1/preflight?target={target}")).await;
        if targets.len() == 1 {
            return measured;
        }
        exit = exit.and(measured.unwrap_or_else(|problem| {
            let exit = Exit::of(problem.kind.exit());
            context.problem(problem);
            exit
        }));
    }
    Ok(exit)
}

async fn one(context: Context<'_>, path: &str) -> Result<Exit, Problem> {
    let measured: Vec<Prerequisite> = context.door.get(path).await?;
    context.screen.show(|| show::prerequisites(&measured), &measured);
    let blocked = measured.iter().any(|prerequisite| prerequisite.standing == Standing::Block);
    Ok(if blocked { Exit::Blocked } else { Exit::Done })
}
