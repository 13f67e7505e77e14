//! The command line: arguments in, one act, an exit code out. `keys` needs neither the registry's
//! folder nor a network; `init` needs both folders; everything else the registry's.

mod core_command;
mod failure;
mod init_command;
mod keys_command;
mod output;
mod publisher_command;
mod role_command;
mod serve_command;
mod token_command;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use newleaf_domain::failure::{UsageMistake, asks_for_json};

use failure::Failure;
use output::Output;

/// The registry of a product and its apps.
#[derive(Debug, Parser)]
#[command(name = "newleaf-registry", version, about, arg_required_else_help = true)]
struct Cli {
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a registry, and its offline keys in another folder.
    Init(init_command::Init),
    /// Publish what is sent, and serve the repository.
    Serve(serve_command::Serve),
    /// People and teams who may publish.
    #[command(subcommand)]
    Publisher(publisher_command::Publisher),
    /// What a publisher's programs may do.
    #[command(subcommand)]
    Token(token_command::Token),
    /// Releases of the product's own binary.
    #[command(subcommand)]
    Core(core_command::Core),
    /// Finished role files: read the current one, publish the next one.
    #[command(subcommand)]
    Role(role_command::Role),
    /// The offline keys; needs neither the registry nor a network.
    #[command(subcommand)]
    Keys(keys_command::Keys),
}

/// The registry's folder.
#[derive(Debug, Args)]
struct DirArg {
    /// The registry's folder.
    #[arg(long, value_name = "D")]
    dir: PathBuf,
}

/// Runs `newleaf-registry` with `args`, the program's name first.
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 4 refused by a rule of trust.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = args.into_iter().collect::<Vec<_>>();
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && asks_for_json(&args) => {
            let failure = Failure::of_usage(UsageMistake::read(&error.render().to_string()));
            Output::Json.failure(&failure);
            return ExitCode::from(failure.code);
        }
        Err(error) => {
            // A reader that went away is the reader's choice.
            let _closed = error.print();
            return ExitCode::from(if error.use_stderr() { UsageMistake::EXIT } else { 0 });
        }
    };
    let output = if cli.json { Output::Json } else { Output::Text };
    match act(cli.command, output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            ExitCode::from(failure.code)
        }
    }
}

fn act(command: Command, output: Output) -> Result<(), Failure> {
    if let Command::Keys(keys) = command {
        return keys.run(output);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new("start", &error, "free some memory or threads"))?;
    runtime.block_on(async {
        match command {
            Command::Init(init) => init.run(output).await,
            Command::Serve(serve) => serve.run(output).await,
            Command::Publisher(publisher) => publisher.run(output).await,
            Command::Token(token) => token.run(output).await,
            Command::Core(core) => core.run(output).await,
            Command::Role(role) => role.run(output).await,
            Command::Keys(keys) => keys.run(output),
        }
    })
}

#[cfg(test)]
#[path = "../../../../tests/src/hints.rs"]
mod hints;

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::{Cli, hints};

    #[test]
    fn the_arguments_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_that_people_are_told_to_type_is_understood() {
        hints::all_can_be_typed("newleaf-registry", 15, &|words| {
            Cli::try_parse_from(words).map(drop).map_err(|error| error.kind())
        });
    }
}
