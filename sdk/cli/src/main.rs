//! The author's command line: `newleaf-sdk new`, `keygen`, `check`, `build` and `publish`.
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

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let args = args::Args::parse();
    let style = if args.json { report::Style::Json } else { report::Style::Text };
    let outcome = command::run(args.command, style);
    report::print(&outcome, style)
}
