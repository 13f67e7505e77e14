//! The child's side: limits itself, compiles one file, exits. Runs nothing of what it compiles.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use rustix::process::{Resource, Rlimit, nice, setrlimit};

use super::limits::CompileLimits;
use crate::engine;

/// Seconds more after which the system itself ends a child that did not heed the limit. They differ
/// so that the signal tells whose doing an end was: the limit's is never a plain kill.
const CPU_GRACE: u64 = 5;

/// How much the child steps back behind those who serve requests.
const NICE: i32 = 10;

/// The body of the hidden command `compile <input> <output>`: compiles the component in `input`
/// and writes machine code to `output`, which must not exist yet.
///
/// Limits the calling process for good, so it must be the only thing that process does. A failure
/// is one line on standard error and exit code 1.
pub fn compile_main(input: &Path, output: &Path) -> ExitCode {
    match CompileLimits::told()
        .and_then(|limits| limit(&limits))
        .and_then(|()| compile_file(input, output))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            // Nobody is left to tell when standard error is closed.
            let _ = writeln!(std::io::stderr(), "{reason}");
            ExitCode::FAILURE
        }
    }
}

fn limit(limits: &CompileLimits) -> Result<(), String> {
    let CompileLimits { memory, cpu_seconds } = *limits;
    let exactly = |limit| Rlimit { current: Some(limit), maximum: Some(limit) };
    setrlimit(Resource::As, exactly(memory.as_u64()))
        .map_err(|error| format!("limit memory to {memory}: {error}"))?;
    let cpu = Rlimit { current: Some(cpu_seconds), maximum: Some(cpu_seconds + CPU_GRACE) };
    setrlimit(Resource::Cpu, cpu)
        .map_err(|error| format!("limit processor time to {cpu_seconds} s: {error}"))?;
    setrlimit(Resource::Core, exactly(0))
        .map_err(|error| format!("switch off core dumps: {error}"))?;
    // A courtesy, which a service manager's filter may forbid: the limits hold without it.
    if let Err(error) = nice(NICE) {
        tracing::debug!("the child that compiles does not step back in priority: {error}");
    }
    Ok(())
}

fn compile_file(input: &Path, output: &Path) -> Result<(), String> {
    let component =
        std::fs::read(input).map_err(|error| format!("read {}: {error}", input.display()))?;
    let code = compile_bytes(&component)?;
    write_new(output, &code).map_err(|error| format!("write {}: {error}", output.display()))
}

/// Machine code of a component, or why there is none.
pub(super) fn compile_bytes(component: &[u8]) -> Result<Vec<u8>, String> {
    let engine = engine::compiling().map_err(|error| error.to_string())?;
    engine.precompile_component(component).map_err(|error| format!("{error:#}").replace('\n', " "))
}

fn write_new(output: &Path, code: &[u8]) -> std::io::Result<()> {
    let path: PathBuf = output.to_owned();
    let mut file = std::fs::File::create_new(path)?;
    file.write_all(code)
}
