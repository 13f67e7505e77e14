//! Becomes another program that may make some system calls only; any other fails with EPERM, as under
//! `SystemCallFilter=` with `SystemCallErrorNumber=EPERM` (systemd.exec(5)).

use std::error::Error;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use clap::Parser;
use seccompiler::{TargetArch, apply_filter, compile_from_json};
use serde_json::json;

/// Names the only system calls that a program may make, then runs it.
#[derive(Debug, Parser)]
struct Confined {
    /// The names of the calls, parted by white space.
    allowed: PathBuf,
    /// The program and its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Confined { allowed, command } = Confined::parse();
    let names = std::fs::read_to_string(&allowed)?;
    let calls: Vec<_> = names.split_whitespace().map(|name| json!({ "syscall": name })).collect();
    let filter = json!({ "all": {
        "mismatch_action": { "errno": rustix::io::Errno::PERM.raw_os_error() },
        "match_action": "allow",
        "filter": calls,
    } });
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let filters = compile_from_json(filter.to_string().as_bytes(), arch)?;
    let filter = filters.get("all").ok_or("the filter is missing")?;
    apply_filter(filter)?;
    // Comes back only where it failed.
    Err(Command::new(&command[0]).args(&command[1..]).exec().into())
}
