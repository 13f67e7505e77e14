//! What a short-lived child prints, kept in memory: however much it is, the child never waits for
//! a reader, and nobody has to read before it has ended.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::process::Stdio;

use rustix::fs::{MemfdFlags, memfd_create};

use crate::words;

/// Bytes of its end that are looked at for the last line.
const END: u64 = 4096;

/// A child's standard output.
#[derive(Debug)]
pub(super) struct Report(File);

impl Report {
    /// An empty one.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(memfd_create("report", MemfdFlags::CLOEXEC)?.into()))
    }

    /// The end that the child writes to.
    pub(super) fn output(&self) -> io::Result<Stdio> {
        Ok(self.0.try_clone()?.into())
    }

    /// The last line of it, where there is one.
    pub(super) fn last_line(&self) -> Option<String> {
        let length = self.0.metadata().ok()?.len();
        let from = length.saturating_sub(END);
        let mut end = vec![0; usize::try_from(length - from).ok()?];
        self.0.read_exact_at(&mut end, from).ok()?;
        let end = String::from_utf8_lossy(&end);
        end.lines().rev().map(words::plain).find(|line| !line.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_known_however_much_came_before_it() {
        let report = Report::new().unwrap();
        assert_eq!(report.last_line(), None);
        let script = "for i in $(seq 20000); do echo line $i; done; echo it failed; echo";
        let mut child = std::process::Command::new("/bin/sh");
        assert!(
            child.args(["-c", script]).stdout(report.output().unwrap()).status().unwrap().success()
        );
        assert_eq!(report.last_line().as_deref(), Some("it failed"));
    }
}
