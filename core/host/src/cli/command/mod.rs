//! The commands, one file each.

mod apps;
mod channel;
mod check;
mod follow;
mod history;
pub(super) mod init;
mod plan;
mod preflight;
pub(super) mod recovery_link;
mod rehearse;
mod rollback;
pub(super) mod serve;
mod sign_in_link;
mod skip;
pub(super) mod snapshot;
mod status;
pub(super) mod support_bundle;
mod trust;
mod update;

use super::Exit;
use super::arguments::Asked;
use super::door::Door;
use super::show::Screen;
use crate::route::Problem;

/// A command at work: the way to its host, and where it prints.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) door: &'a Door,
    pub(crate) screen: Screen,
}

impl Context<'_> {
    /// Prints a failure after which the command goes on.
    pub(crate) fn problem(self, problem: Problem) {
        self.screen.problem(&self.door.tell(problem));
    }
}

/// Runs a command that asks a host.
///
/// # Errors
/// Whatever kept the command from what it was asked for; nothing has been printed of it yet.
pub(crate) async fn run(context: Context<'_>, asked: Asked) -> Result<Exit, Problem> {
    match asked {
        Asked::Status => status::run(context).await,
        Asked::Check => check::run(context).await,
        Asked::Channel(arguments) => channel::run(context, arguments).await,
        Asked::Preflight(targets) => preflight::run(context, &targets.targets).await,
        Asked::Plan(arguments) => plan::run(context, &arguments).await,
        Asked::Update(arguments) => update::run(context, arguments).await,
        Asked::Rehearse(arguments) => rehearse::run(context, arguments).await,
        Asked::Skip(arguments) => skip::run(context, arguments).await,
        Asked::Rollback(arguments) => rollback::run(context, arguments).await,
        Asked::Apps(apps) => apps::run(context, apps).await,
        Asked::Trust(trust) => trust::run(context, trust).await,
        Asked::History { target } => history::run(context, target).await,
        Asked::SignInLink => sign_in_link::run(context).await,
    }
}
