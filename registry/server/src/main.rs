//! The registry's binary: hands its arguments to the library and takes the exit code back.

use std::process::ExitCode;

fn main() -> ExitCode {
    newleaf_registry::run(std::env::args_os())
}
