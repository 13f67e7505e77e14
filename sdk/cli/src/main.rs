//! The author's command line: `newleaf-sdk new`, `keygen`, `check`, `build`, `publish` and `wit`.
//!
//! Parses, runs one command, prints what came of it. What a command does stands in its own file
//! below `command/`; what a package must look like stands in `rules/`.

mod args;
mod cargo;
mod command;
mod contents;
mod keyfile;
mod project;
mod registry;
mod release;
mod report;
mod role;
mod rules;
mod wit;

use std::process::ExitCode;

use clap::Parser as _;
use newleaf_domain::failure::{UsageMistake, asks_for_json};

fn main() -> ExitCode {
    if let Some((input, output)) = args::to_compile(std::env::args_os()) {
        return newleaf_plugin_host::compile_main(&input, &output);
    }
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) if error.use_stderr() && asks_for_json(std::env::args_os()) => {
            let mistake = UsageMistake::read(&error.render().to_string());
            return report::print(&Err(report::Failure::of_usage(mistake)), report::Style::Json);
        }
        Err(error) => error.exit(),
    };
    let style = if args.json { report::Style::Json } else { report::Style::Text };
    let outcome = command::run(args.command, style);
    report::print(&outcome, style)
}
