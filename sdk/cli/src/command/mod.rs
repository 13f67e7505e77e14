//! The commands, a file each.

mod build;
mod check;
mod keygen;
mod new;
mod publish;
mod wit;

use crate::args::Command;
use crate::report::{Failure, Report, Style};

/// Runs `command`.
pub(crate) fn run(command: Command, style: Style) -> Result<Report, Failure> {
    match command {
        Command::New(args) => new::run(&args),
        Command::Keygen(args) => keygen::run(args),
        Command::Check(args) => check::run(&args),
        Command::Build(args) => build::run(&args),
        Command::Publish(args) => publish::run(&args, style),
        Command::Wit(args) => wit::run(&args),
    }
}
