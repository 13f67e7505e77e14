//! Runs a program under `strace` and makes one of its system calls fail, or kills it there.
//!
//! `strace` counts the calls of each thread by itself. So the thread that is aimed at first makes
//! a ballast of calls that matter to nobody: beyond them only this thread has an n-th call.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

/// Calls that the thread that is aimed at makes before it begins; more than any thread beside
/// makes in all, which [`count`] sees to. Each of them is stopped at, in each run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ballast {
    /// Beside it is only the start of the program, which loads its libraries.
    Alone = 24,
    /// Beside it are programs that it starts.
    WithOthers = 96,
}

/// How long a program is given; far beyond what a busy machine needs.
const WITHIN: Duration = Duration::from_secs(90);

/// The system calls by which a disk changes, and those by which something is opened.
pub const CHANGES: &str = "openat,?open,?creat,write,pwrite64,writev,pwritev,?pwritev2,fsync,\
    fdatasync,?rename,renameat,?renameat2,?unlink,unlinkat,?rmdir,?mkdir,mkdirat,?link,linkat,\
    ?symlink,symlinkat,ftruncate,truncate,fallocate,?chmod,fchmod,fchmodat,copy_file_range,sendfile";

/// The system calls by which a disk is read.
pub const READS: &str = "openat,?open,read,pread64,?getdents64";

/// The system calls that wait until a disk has taken what was written.
pub const SYNCS: &str = "fsync,fdatasync,?sync_file_range,?syncfs,?msync";

/// The system calls that change what is in a folder or a file, without those that open a file to
/// read it.
pub const WRITES: &str = "write,pwrite64,writev,pwritev,?pwritev2,fsync,fdatasync,?rename,renameat,\
    ?renameat2,?unlink,unlinkat,?rmdir,?mkdir,mkdirat,?link,linkat,ftruncate,fallocate,?chmod,\
    fchmod,fchmodat,copy_file_range,sendfile";

/// The system calls that open a file.
pub const OPENS: &str = "openat,?open";

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself, content or not, or by the fault.
    Came,
    /// Not at all.
    NeverCame,
}

/// What befalls the n-th call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process is killed, the call is not made.
    Kill,
    /// The call fails with this error, and is not made.
    Error(&'static str),
    /// It and every call after it fail with this error.
    Since(&'static str),
}

impl Fault {
    /// How strace is told.
    fn expression(self, calls: &str, nth: u64) -> String {
        match self {
            Self::Kill => format!("inject={calls}:signal=SIGKILL:when={nth}"),
            Self::Error(error) => format!("inject={calls}:error={error}:when={nth}"),
            Self::Since(error) => format!("inject={calls}:error={error}:when={nth}+"),
        }
    }
}

impl Fault {
    /// Whether it could befall a call of this kind and leave something that no other point does.
    pub fn is_of_use_at(self, kind: Kind) -> bool {
        match self {
            Self::Kill => kind == Kind::Other,
            Self::Error("ENOSPC" | "EROFS") => kind != Kind::Opens,
            Self::Error(_) | Self::Since(_) => true,
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Kill => "SIGKILL",
            Self::Error(error) => error,
            Self::Since(error) => return write!(f, "{error} from then on"),
        })
    }
}

/// Makes the calls that are not counted, of each kind, from the thread that is aimed at.
pub fn make_ballast(ballast: Ballast) {
    for _ in 0..ballast as u8 {
        let nowhere = std::fs::OpenOptions::new().write(true).open("/dev/null");
        // Whether anything came of it is of no matter.
        drop(nowhere.and_then(|mut nowhere| nowhere.write_all(MARK)));
    }
}

/// What the ballast writes.
const MARK: &[u8] = b"ballast";

fn strace(calls: &str) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "--seccomp-bpf", "-e", &format!("trace={calls}")]);
    command.args(["-e", "signal=none"]).stdin(Stdio::null()).stdout(Stdio::null());
    command.process_group(0);
    // Cargo lists a folder for each build script there, and the loader looks into all of them.
    command.env_remove("LD_LIBRARY_PATH");
    command
}

/// Runs `program` with its `nth` call of `calls` failing.
pub fn run_with(fault: Fault, calls: &str, nth: u64, program: &Command) -> End {
    let mut command = strace(calls);
    command.args(["-o", "/dev/null", "-e", &fault.expression(calls, nth)]);
    command.arg(program.get_program()).args(program.get_args()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    if has_ended(Pid::from_child(&child)) {
        child.wait().unwrap();
        return End::Came;
    }
    // A group that is gone by now is what is wanted.
    let _gone = kill_process_group(Pid::from_child(&child), Signal::KILL);
    child.wait().unwrap();
    End::NeverCame
}

/// Whether a child ends in time; it is not waited for here.
fn has_ended(pid: Pid) -> bool {
    let exited = pidfd_open(pid, PidfdFlags::empty()).unwrap();
    let within = Timespec::try_from(WITHIN).unwrap();
    let polled = poll(&mut [PollFd::new(&exited, PollFlags::IN)], Some(&within));
    polled.unwrap() == 1
}

/// A call that a program makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Its number among the calls of its kinds, which is how it is aimed at.
    pub nth: u64,
    /// What it does.
    pub kind: Kind,
}

/// What a call does to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Opens what is there and leaves it as it is: a program killed here leaves the same disk as
    /// one killed at its next change.
    Opens,
    /// Anything, where the calls since the one before this, or since that one's like, changed
    /// nothing that programs see: they synced, or failed. A program alone that is killed here
    /// leaves the same disk as one that was killed there; what a power cut leaves is another matter
    /// ([`super::power`]).
    After,
    /// Anything else.
    Other,
}

impl Kind {
    fn of(call: &str) -> Self {
        let opens = call.starts_with("open");
        let makes = ["O_CREAT", "O_TRUNC", "O_TMPFILE"].iter().any(|flag| call.contains(flag));
        if opens && !makes { Self::Opens } else { Self::Other }
    }

    /// The kinds of a thread's calls, in their order.
    fn of_all<'a>(calls: impl Iterator<Item = &'a str>) -> Vec<Self> {
        let mut has_changed = true;
        let kind = |call: &'a str| match Self::of(call) {
            Self::Other => {
                let kind = if has_changed { Self::Other } else { Self::After };
                has_changed = changes(call);
                kind
            }
            kind @ (Self::Opens | Self::After) => kind,
        };
        calls.map(kind).collect()
    }
}

/// Whether programs could see that the call was made. One that another thread came between has no
/// result on its line, and counts as one that they could.
fn changes(call: &str) -> bool {
    let syncs = ["fsync(", "fdatasync("].iter().any(|name| call.starts_with(name));
    !syncs && !call.contains(") = -1 ")
}

/// Runs `program` undisturbed, and gives its calls of `calls`, those of the ballast left out.
pub fn count(calls: &str, log: &Path, program: &Command) -> Vec<Call> {
    let mut command = strace(calls);
    command.arg("-o").arg(log);
    command.arg(program.get_program()).args(program.get_args());
    let ran = command.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{command:?}: {}\n{said}", ran.status);
    let text = std::fs::read_to_string(log).unwrap();
    let mut threads = BTreeMap::<&str, Vec<&str>>::new();
    for line in text.lines().filter(|line| !line.contains("resumed>")) {
        let (thread, call) = line.split_once(' ').unwrap_or_default();
        threads.entry(thread).or_default().push(call);
    }
    let is_ballast = |call: &&&str| call.contains("/dev/null") || call.contains("\"ballast\"");
    let ballast = |calls: &[&str]| calls.iter().filter(is_ballast).count() as u64;
    let aimed = threads.iter().max_by_key(|(_, calls)| ballast(calls));
    let (thread, aimed) = aimed.expect("a program makes system calls");
    let others = threads.iter().filter(|(other, _)| *other != thread);
    let most = others.map(|(_, calls)| calls.len() as u64).max().unwrap_or_default();
    // The ballast is made in one go; a program may well use the same file later.
    let first = aimed.iter().position(|call| is_ballast(&call)).unwrap_or_default();
    let before = (first + aimed[first..].iter().take_while(is_ballast).count()) as u64;
    assert!(most < before, "another thread makes {most} calls, the ballast is {before}");
    let aimed = &aimed[usize::try_from(before).unwrap()..];
    let kinds = Kind::of_all(aimed.iter().copied());
    (before + 1..).zip(kinds).map(|(nth, kind)| Call { nth, kind }).collect()
}

#[cfg(test)]
mod tests {
    use super::Kind::{After, Opens, Other};
    use super::*;

    #[test]
    fn a_kill_that_leaves_the_same_disk_as_the_one_before_is_told_apart() {
        let calls = [
            "openat(AT_FDCWD, \"a\", O_WRONLY|O_CREAT|O_CLOEXEC, 0600) = 3",
            "openat(AT_FDCWD, \"b\", O_RDONLY|O_CLOEXEC) = 4",
            "write(3, \"text\", 4) = 4",
            "fsync(3) = 0",
            "rename(\"a\", \"c\") = 0",
            "fsync(4) = 0",
            "mkdir(\"d\", 0777) = -1 EEXIST (File exists)",
            "unlink(\"c\") = 0",
            "unlink(\"e\" <unfinished ...>",
            "unlink(\"f\") = 0",
        ];
        let expected = [Other, Opens, Other, Other, After, Other, After, After, Other, Other];
        assert_eq!(Kind::of_all(calls.into_iter()), expected);
        assert!(!Fault::Kill.is_of_use_at(After) && Fault::Error("EIO").is_of_use_at(After));
    }
}
