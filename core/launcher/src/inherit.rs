//! Takes over descriptors that whoever started this process left open by number.
//!
//! A number cannot be owned safely, but a process may ask the system for a duplicate of any of
//! its own descriptors (`pidfd_getfd`), and that is owned. No unsafe code is needed.

use std::io;
use std::os::fd::OwnedFd;

use rustix::process::{PidfdFlags, PidfdGetfdFlags};

/// A duplicate of this process's descriptor `number`, closed at `execve`.
///
/// # Errors
/// There is no such descriptor, or the system forbids the call.
pub(crate) fn duplicate(number: i32) -> io::Result<OwnedFd> {
    let myself = rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty())?;
    Ok(rustix::process::pidfd_getfd(&myself, number, PidfdGetfdFlags::empty())?)
}
