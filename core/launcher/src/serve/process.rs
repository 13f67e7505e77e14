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
    end: End,
}

/// Signals by which the system, for want of memory, or a person ends a process.
const FROM_OUTSIDE: [i32; 4] =
    [Signal::KILL.as_raw(), Signal::TERM.as_raw(), Signal::INT.as_raw(), Signal::HUP.as_raw()];

/// How a process ended, as the system has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It has not, or that was not seen.
    Unknown,
    /// By itself, with this status.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
}

impl End {
    fn of(status: &WaitIdStatus) -> Self {
        match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Self::Exited(code),
            (None, Some(signal)) => Self::Signalled(signal),
            (None, None) => Self::Unknown,
        }
    }

    /// Whether it did what it was started for.
    pub(super) fn is_success(self) -> bool {
        self == Self::Exited(0)
    }

    /// What a short-lived child that did not succeed says of the version: one that was ended from outside
    /// says nothing.
    pub(super) fn evidence_of_errand(self) -> Evidence {
        match self {
            Self::Exited(EXIT_MACHINE) | Self::Unknown => Evidence::Machine,
            Self::Signalled(signal) if FROM_OUTSIDE.contains(&signal) => Evidence::Machine,
            Self::Exited(_) | Self::Signalled(_) => Evidence::Release,
        }
    }
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
                Ok(Self { exited, started, stdout, exit: None, end: End::Unknown })
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
        Self { exited, started, stdout: None, exit: None, end: End::Unknown }
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
            Ok(Some(status)) => {
                self.end = End::of(&status);
                describe(self.end, self.started.elapsed())
            }
            Ok(None) => cannot("be waited for", &io::ErrorKind::WouldBlock.into()),
            Err(error) => cannot("be waited for", &error.into()),
        };
        self.exit = Some(exit.clone());
        exit
    }

    /// How it ended; known once it was reaped.
    pub(super) const fn end(&self) -> End {
        self.end
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

fn describe(end: End, after: Duration) -> Exit {
    let after = after.as_millis();
    let how = match end {
        End::Exited(code) => format!("exited with status {code} after {after} ms"),
        End::Signalled(signal) => format!("was ended by signal {signal} after {after} ms"),
        End::Unknown => format!("ended after {after} ms"),
    };
    let is_machine = end == End::Exited(EXIT_MACHINE);
    let evidence = if is_machine { Evidence::Machine } else { Evidence::Release };
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
    fn a_child_that_was_killed_from_outside_says_nothing_of_a_version() {
        let run = |script: &str| {
            let arguments = ["-c".as_ref(), script.as_ref()];
            let sh = Path::new("/bin/sh");
            let mut process = Process::start(sh, &arguments, Stdio::null(), Stdio::null()).unwrap();
            process.reap();
            process.end()
        };
        assert!(run("exit 0").is_success());
        for (script, evidence) in [
            ("kill -9 $$", Evidence::Machine),
            ("exit 75", Evidence::Machine),
            ("kill -6 $$", Evidence::Release),
            ("exit 1", Evidence::Release),
        ] {
            let end = run(script);
            assert_eq!((end.is_success(), end.evidence_of_errand()), (false, evidence), "{script}");
        }
    }

    #[test]
    fn a_full_disk_is_no_evidence_against_a_version() {
        for code in [5, 28, 24] {
            assert!(is_machine(&io::Error::from_raw_os_error(code)), "errno {code}");
        }
        let missing = cannot("be started", &io::ErrorKind::NotFound.into());
        assert_eq!(missing.evidence, Evidence::Release);
    }
}
