//! The parent's side: starts the child, waits for a bounded time, and says what went wrong.

use std::{
    ffi::OsString,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use newleaf_domain::ByteSize;
use tokio::io::AsyncReadExt as _;

use super::child;
use super::limits::{CompileLimits, VARIABLE};

/// How much of the child's standard error is read.
const MESSAGE_BYTES: u64 = 2048;

/// Where components are compiled.
#[derive(Debug, Clone)]
pub enum Compiler {
    /// In a child process that limits itself: the way of every host.
    Child(CompileChild),
    /// In this process, without limits: a hostile file can take all memory and abort the process.
    /// Only for an author's own app in the author's own tests, where no other program is at hand.
    UnsandboxedInThisProcess,
}

/// The command that runs [`compile_main`](super::compile_main): `program arguments… input output`.
#[derive(Debug, Clone)]
pub struct CompileChild {
    /// The program, such as the host's own binary.
    pub program: PathBuf,
    /// What stands before input and output, such as `compile`.
    pub arguments: Vec<OsString>,
}

/// Why a component could not be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The child did not start.
    #[error("the compiler {program} does not start")]
    Start {
        /// Its path.
        program: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The child could not be waited for.
    #[error("the compiler cannot be waited for")]
    Wait(#[source] std::io::Error),
    /// It used all of its processor time.
    #[error("compiling takes more than {seconds} s of processor time")]
    CpuTime {
        /// What was allowed.
        seconds: u64,
    },
    /// It did not end.
    #[error("compiling does not end within {} s", .0.as_secs())]
    Patience(Duration),
    /// It used all of its address space.
    #[error("compiling takes more than {limit} of memory")]
    Memory {
        /// What was allowed.
        limit: ByteSize,
    },
    /// It was ended by a signal that none of its limits sends: by the system where the machine's
    /// memory runs out, by a person, or by a crash. Says nothing about the component.
    #[error("the compiler was ended by signal {signal}{}", meaning(*.signal))]
    Killed {
        /// The signal's number.
        signal: i32,
    },
    /// It refused the component.
    #[error("the compiler refuses the component: {reason}")]
    Refused {
        /// In its own words.
        reason: String,
    },
}

impl CompileError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Start { .. } | Self::Wait(_) => "see that the program exists and may be run",
            Self::Killed { .. } => "look into the system's log, give the machine memory, try again",
            Self::CpuTime { .. } | Self::Memory { .. } | Self::Patience(_) => {
                "an app in Rust compiles in a second, one in JavaScript or Python has to say so in its \
                 manifest; do not run this one"
            }
            Self::Refused { .. } => "ask the author for a build for this host",
        }
    }
}

/// Compiles `input` to `output`, which must not exist.
pub(crate) async fn compile(
    compiler: &Compiler,
    limits: CompileLimits,
    input: &Path,
    output: &Path,
) -> Result<(), CompileError> {
    match compiler {
        Compiler::Child(child) => run_child(child, limits, input, output).await,
        Compiler::UnsandboxedInThisProcess => in_this_process(input, output).await,
    }
}

async fn run_child(
    child: &CompileChild,
    limits: CompileLimits,
    input: &Path,
    output: &Path,
) -> Result<(), CompileError> {
    let mut running = tokio::process::Command::new(&child.program)
        .args(&child.arguments)
        .arg(input)
        .arg(output)
        .env_clear()
        .env(VARIABLE, limits.as_text())
        // Address space is limited: every thread more reserves a stack and an arena of it.
        .env("RAYON_NUM_THREADS", "2")
        .env("MALLOC_ARENA_MAX", "2")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| CompileError::Start { program: child.program.clone(), source })?;
    let stderr = running.stderr.take();
    let ended = tokio::time::timeout(limits.patience(), async {
        let message = read_message(stderr).await;
        running.wait().await.map(|status| (status, message))
    });
    match ended.await {
        Err(_) => Err(CompileError::Patience(limits.patience())),
        Ok(Err(error)) => Err(CompileError::Wait(error)),
        Ok(Ok((status, message))) => judge(limits, status, message),
    }
}

/// The first bytes of the child's standard error; the rest is read and dropped, so that the child
/// never waits for a reader.
async fn read_message(stderr: Option<tokio::process::ChildStderr>) -> String {
    let Some(mut stderr) = stderr else { return String::new() };
    let mut message = Vec::new();
    let read = (&mut stderr).take(MESSAGE_BYTES).read_to_end(&mut message).await;
    let drained = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    if let Err(error) = read.and(drained.map(|_| 0)) {
        tracing::debug!(%error, "the compiler's message is cut");
    }
    String::from_utf8_lossy(&message).trim().to_owned()
}

const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;
const SIGXCPU: i32 = 24;

/// What a signal that no limit sends comes from, as far as that can be told.
const fn meaning(signal: i32) -> &'static str {
    if signal == SIGKILL { ", as it is where this machine runs out of memory" } else { "" }
}

/// The words with which the standard library gives up where an allocation is refused.
const NO_MEMORY: &str = "memory allocation of";

fn judge(limits: CompileLimits, status: ExitStatus, message: String) -> Result<(), CompileError> {
    match (status.success(), status.signal()) {
        (true, _) => Ok(()),
        (false, Some(SIGXCPU)) => Err(CompileError::CpuTime { seconds: limits.cpu_seconds }),
        (false, Some(SIGABRT)) if message.contains(NO_MEMORY) => {
            Err(CompileError::Memory { limit: limits.memory })
        }
        (false, Some(signal)) => Err(CompileError::Killed { signal }),
        (false, None) if message.is_empty() => {
            Err(CompileError::Refused { reason: format!("it ended with {status}") })
        }
        (false, None) => Err(CompileError::Refused { reason: message }),
    }
}

async fn in_this_process(input: &Path, output: &Path) -> Result<(), CompileError> {
    let refused = |reason: String| CompileError::Refused { reason };
    let component = tokio::fs::read(input).await.map_err(|error| refused(error.to_string()))?;
    let code = tokio::task::spawn_blocking(move || child::compile_bytes(&component))
        .await
        .map_err(|error| refused(error.to_string()))?
        .map_err(refused)?;
    tokio::fs::write(output, code).await.map_err(|error| refused(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ended_by(script: &str) -> CompileError {
        let program = PathBuf::from("/bin/sh");
        let child = CompileChild { program, arguments: vec!["-c".into(), script.into()] };
        let (input, output) = (Path::new("in"), Path::new("out"));
        run_child(&child, CompileLimits::USUAL, input, output).await.unwrap_err()
    }

    #[tokio::test]
    async fn a_kill_from_outside_is_told_apart_from_the_childs_own_limits() {
        let killed = ended_by("kill -KILL $$").await;
        assert!(matches!(killed, CompileError::Killed { signal: SIGKILL }), "{killed:?}");
        assert!(killed.to_string().contains("runs out of memory"), "{killed}");
        let crashed = ended_by("kill -SEGV $$").await;
        assert!(matches!(crashed, CompileError::Killed { signal: 11 }), "{crashed:?}");
        let slow = ended_by("kill -XCPU $$").await;
        assert!(matches!(slow, CompileError::CpuTime { .. }), "{slow:?}");
        let large = ended_by("echo memory allocation of 9 bytes failed >&2; kill -ABRT $$").await;
        assert!(matches!(large, CompileError::Memory { .. }), "{large:?}");
    }
}
