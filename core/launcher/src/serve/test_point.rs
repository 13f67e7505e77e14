//! Lets a test stop a host at each record of the journal, and at each state it writes.
//!
//! Where [`VARIABLE`] names an inherited stream socket, the launcher writes the number of each
//! record to it (8 bytes, little endian) once the record is on disk, and waits for one byte. Where
//! the number is followed by [`AND_STATES`], each state is told in the same way once it is on disk,
//! as its `seq` with [`STATE`] added.
//! Without the variable nothing here does anything.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::process::Command;

use crate::inherit;

/// The variable that holds the descriptor's number.
pub const VARIABLE: &str = "NEWLEAF_TEST_POINT_FD";

/// Follows the descriptor's number where states are told too.
pub const AND_STATES: &str = "+states";

/// The bit that tells a state's number from a record's.
pub const STATE: u64 = 1 << 63;

/// The other side of a test, where there is one.
#[derive(Debug)]
pub(super) struct TestPoint {
    other: Option<File>,
    tells_states: bool,
}

impl TestPoint {
    pub(super) fn from_environment() -> io::Result<Self> {
        let Ok(value) = std::env::var(VARIABLE) else {
            return Ok(Self { other: None, tells_states: false });
        };
        let number = value.strip_suffix(AND_STATES);
        let tells_states = number.is_some();
        let number = number.unwrap_or(&value).parse().map_err(|_| io::ErrorKind::InvalidInput)?;
        Ok(Self { other: Some(inherit::duplicate(number)?.into()), tells_states })
    }

    /// Lets the program that `command` becomes go on with the same test.
    pub(super) fn hand_over(&self, command: &mut Command) -> io::Result<()> {
        let Some(other) = &self.other else { return Ok(()) };
        rustix::io::fcntl_setfd(other, rustix::io::FdFlags::empty())?;
        let states = if self.tells_states { AND_STATES } else { "" };
        command.env(VARIABLE, format!("{}{states}", other.as_raw_fd()));
        Ok(())
    }

    /// Tells of the state `seq`, where states are told, and waits.
    pub(super) fn wrote(&mut self, seq: u64) {
        if self.tells_states {
            self.reached(STATE | seq);
        }
    }

    /// Tells of record `seq` and waits. A test that has gone is waited for no more.
    pub(super) fn reached(&mut self, seq: u64) {
        let Some(other) = &mut self.other else { return };
        let told = other.write_all(&seq.to_le_bytes()).and_then(|()| other.read_exact(&mut [0]));
        if told.is_err() {
            self.other = None;
        }
    }
}
