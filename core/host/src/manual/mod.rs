//! The manual way: an admin puts another program at `<prefix>` and starts it. It is noticed,
//! matched to its signed release where that is known, and tried like any update, or left unused
//! with the reason. Whatever comes of it, the host starts.
//!
//! The looking is done by a child, the hidden `newleaf adopt`: the launcher knows no signature and
//! no SQL, and a fault in them does not keep it down.

mod adopt;
mod carry;
pub(crate) mod copy;
mod decide;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use newleaf_launcher::{Layout, state_file};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags};

pub(crate) use adopt::run;

/// The program that runs now, even where its file is replaced meanwhile.
const OWN_IMAGE: &str = "/proc/self/exe";

/// How long the look may take: it copies one program on one disk. Less than a service manager
/// waits for a start (90 s).
const LOOK_WITHIN: Duration = Duration::from_mins(1);

/// Looks at this program, where it is not the one that was started last on `dir`. The host starts
/// whatever comes of it: what cannot be done now is tried at the next start.
pub(crate) fn look(dir: &Path) {
    if !is_another(dir) {
        return;
    }
    tracing::info!("another program was put in place of the one started last; looking at it");
    match look_by_child(dir) {
        Ok(true) => {}
        Ok(false) => tracing::error!(
            "the program at <prefix> could not be looked at; what served before serves"
        ),
        Err(error) => tracing::error!(%error, "the program at <prefix> could not be looked at"),
    }
}

/// Whether this program is another one than was started last. One that lies in a slot is no
/// program that a person put anywhere.
fn is_another(dir: &Path) -> bool {
    let Ok(state) = state_file::read(&Layout::new(dir)) else { return false };
    let slots = dir.canonicalize().map(|dir| dir.join("slots"));
    let program = std::env::current_exe();
    let is_slot = slots.is_ok_and(|slots| program.is_ok_and(|it| it.starts_with(slots)));
    let started_last = state.core.image.map(|image| image.digest);
    let own = || copy::digest_of(&own_image());
    !is_slot && own().is_ok_and(|digest| started_last != Some(digest))
}

fn own_image() -> PathBuf {
    PathBuf::from(OWN_IMAGE)
}

/// Whether the child did what it had to.
fn look_by_child(dir: &Path) -> std::io::Result<bool> {
    let mut child = Command::new(OWN_IMAGE)
        .args(["adopt", "--dir"])
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    let exited = rustix::process::pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
    let within = Timespec::try_from(LOOK_WITHIN).ok();
    let over = rustix::event::poll(&mut [PollFd::new(&exited, PollFlags::IN)], within.as_ref())?;
    if over == 0 {
        child.kill()?;
    }
    Ok(child.wait()?.success())
}
