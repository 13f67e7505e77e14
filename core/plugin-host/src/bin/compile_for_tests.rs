//! The compiling child of this crate's own tests: nothing but `compile_main`, as the host's hidden
//! command has it.

use std::{path::PathBuf, process::ExitCode};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    match (arguments.next(), arguments.next()) {
        (Some(input), Some(output)) => newleaf_plugin_host::compile_main(&input, &output),
        _ => ExitCode::from(2),
    }
}
