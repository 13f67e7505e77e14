//! The stock product: the library's own pages, in the version of this program.

use std::process::ExitCode;

fn main() -> ExitCode {
    newleaf::main(newleaf::stock::product(env!("CARGO_PKG_VERSION")))
}
