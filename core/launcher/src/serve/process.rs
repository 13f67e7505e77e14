//! Starts and ends processes, and says in words how they ended.

use std::ffi::OsStr;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitIdStatus};

use crate::proto::EXIT_MACHINE;
use crate::supervisor::{Evidence, Exit};

/// The most of a probe's answer that is kept, in bytes.
const MAX_REASON: u64 = 300;

/// A child whose exit can be polled for. Known by a descriptor alone, which a successor of this
/// launcher can be given: the process stays what it is, and so do its children.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) exited: OwnedFd,
    pub(super) started: Instant,
    stdout: Option<ChildStdout>,
    /// How it ended, once that was seen.
    exit: Option<Exit>,
}

impl Process {
    /// Starts `program` in a process group of its own, so that a terminal's Ctrl-C reaches the
    /// launcher alone.
    pub(super) fn start(
        program: &Path,
        arguments: &[&OsStr],
        stdin: Stdio,
        stdout: Stdio,
    ) -> io::Result<Self> {
        let mut command = Command::new(program);
        for variable in super::notify::VARIABLES {
            command.env_remove(variable);
        }
        command.env_remove(super::succession::VARIABLE);
        let mut child = command
            .args(arguments)
            .stdin(stdin)
            .stdout(stdout)
            .process_group(0)
            .env_remove("LISTEN_PID")
            .env_remove("LISTEN_FDS")
            .env_remove("LISTEN_FDNAMES")
            .env_remove(super::test_point::VARIABLE)
            .spawn()?;
        let pid = Pid::from_child(&child);
        match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
            Ok(exited) => {
                let (started, stdout) = (Instant::now(), child.stdout.take());
                Ok(Self { exited, started, stdout, exit: None })
            }
            Err(error) => {
                child.kill()?;
                child.wait()?;
                Err(error.into())
            }
        }
    }

    /// A child of this process that was started by its program before.
    pub(super) fn kept(exited: OwnedFd, age: Duration) -> Self {
        let now = Instant::now();
        let started = now.checked_sub(age).unwrap_or(now);
        Self { exited, started, stdout: None, exit: None }
    }

    /// How it ended; called once `exited` is readable.
    pub(super) fn reap(&mut self) -> Exit {
        if let Some(exit) = &self.exit {
            return exit.clone();
        }
        let it = || WaitId::PidFd(self.exited.as_fd());
        let status =
            rustix::io::retry_on_intr(|| rustix::process::waitid(it(), WaitIdOptions::EXITED));
        let exit = match status {
            Ok(Some(status)) => describe(&status, self.started.elapsed()),
            Ok(None) => cannot("be waited for", &io::ErrorKind::WouldBlock.into()),
            Err(error) => cannot("be waited for", &error.into()),
        };
        self.exit = Some(exit.clone());
        exit
    }

    /// Ends it now and waits for that.
    pub(super) fn kill(&mut self) {
        if self.exit.is_none() {
            // It can only fail where the process is gone already, which is what is wanted.
            let _gone = rustix::process::pidfd_send_signal(&self.exited, Signal::KILL);
            self.reap();
        }
    }

    /// What it wrote, up to a line's length; called after it has exited.
    pub(super) fn said(&mut self) -> String {
        let mut text = Vec::new();
        if let Some(stdout) = self.stdout.take() {
            // A probe that wrote nothing readable has given no reason.
            drop(stdout.take(MAX_REASON).read_to_end(&mut text));
        }
        String::from_utf8_lossy(&text).lines().next().unwrap_or_default().trim().to_owned()
    }
}

/// A program that could not even be started. A mount that runs nothing is the machine's doing.
pub(super) fn cannot_start(program: &Path, error: &io::Error) -> Exit {
    use rustix::fs::StatVfsMountFlags;
    let denied = error.kind() == io::ErrorKind::PermissionDenied;
    let flags = rustix::fs::statvfs(program).map(|found| found.f_flag);
    if denied && flags.is_ok_and(|flags| flags.contains(StatVfsMountFlags::NOEXEC)) {
        let how = format!(
            "could not be started: {} lies on a filesystem that is mounted noexec; mount it with exec",
            program.display()
        );
        return Exit { how, evidence: Evidence::Machine };
    }
    cannot("be started", error)
}

/// A process that could not even be started.
pub(super) fn cannot(what: &str, error: &io::Error) -> Exit {
    let evidence = if is_machine(error) { Evidence::Machine } else { Evidence::Release };
    Exit { how: format!("could not {what}: {error}"), evidence }
}

fn describe(status: &WaitIdStatus, after: Duration) -> Exit {
    let after = after.as_millis();
    let evidence = if status.exit_status() == Some(EXIT_MACHINE) {
        Evidence::Machine
    } else {
        Evidence::Release
    };
    let how = match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => format!("exited with status {code} after {after} ms"),
        (None, Some(signal)) => format!("was ended by signal {signal} after {after} ms"),
        (None, None) => format!("ended after {after} ms"),
    };
    Exit { how, evidence }
}

/// Whether an error tells of the machine and not of a version: a failing, full or read-only
/// disk, no memory, no descriptors, no processes.
pub fn is_machine(error: &io::Error) -> bool {
    use rustix::io::Errno;
    const MACHINE: [Errno; 9] = [
        Errno::IO,
        Errno::NOSPC,
        Errno::DQUOT,
        Errno::ROFS,
        Errno::MFILE,
        Errno::NFILE,
        Errno::NOMEM,
        Errno::AGAIN,
        Errno::TXTBSY,
    ];
    error.raw_os_error().is_some_and(|code| MACHINE.contains(&Errno::from_raw_os_error(code)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_no_evidence_against_a_version() {
        for code in [5, 28, 24] {
            assert!(is_machine(&io::Error::from_raw_os_error(code)), "errno {code}");
        }
        let missing = cannot("be started", &io::ErrorKind::NotFound.into());
        assert_eq!(missing.evidence, Evidence::Release);
    }
}
