//! Ends workers of an earlier launcher that do not end by themselves: a version that hangs before
//! it hears anything never learns that its launcher is gone.
//!
//! A worker is known by its program, which lies below `slots/core/` of this very folder, and by
//! its command; nothing else is touched.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

use crate::layout::Layout;

/// Kills them and returns how many there were.
pub(crate) fn end(layout: &Layout) -> usize {
    let Ok(slots) = fs::canonicalize(layout.dir().join("slots/core")) else { return 0 };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let orphans = processes.filter(|process| is_worker(&process.path(), &slots));
    let pids = orphans.filter_map(|process| process.file_name().to_str()?.parse().ok());
    pids.filter_map(Pid::from_raw).filter(|pid| kill_process(*pid, Signal::KILL).is_ok()).count()
}

/// Whether `process`, a folder of `/proc`, runs a program of `slots` as a worker.
fn is_worker(process: &Path, slots: &Path) -> bool {
    let runs_slot = fs::read_link(process.join("exe")).is_ok_and(|exe| exe.starts_with(slots));
    let command = fs::read(process.join("cmdline")).unwrap_or_default();
    runs_slot && command.split(|byte| *byte == 0).nth(1) == Some(b"worker")
}
