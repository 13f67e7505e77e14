//! Lets a test stop a host at each record of the journal.
//!
//! Where [`VARIABLE`] names an inherited stream socket, the launcher writes the number of each
//! record to it (8 bytes, little endian) once the record is on disk, and waits for one byte.
//! Without the variable nothing here does anything.

use std::fs::File;
use std::io::{self, Read as _, Write as _};

use crate::inherit;

/// The variable that holds the descriptor's number.
pub const VARIABLE: &str = "NEWLEAF_TEST_POINT_FD";

/// The other side of a test, where there is one.
#[derive(Debug)]
pub(super) struct TestPoint(Option<File>);

impl TestPoint {
    pub(super) fn from_environment() -> io::Result<Self> {
        let Ok(number) = std::env::var(VARIABLE) else { return Ok(Self(None)) };
        let number = number.parse().map_err(|_| io::ErrorKind::InvalidInput)?;
        Ok(Self(Some(inherit::duplicate(number)?.into())))
    }

    /// Tells of record `seq` and waits. A test that has gone is waited for no more.
    pub(super) fn reached(&mut self, seq: u64) {
        let Some(other) = &mut self.0 else { return };
        let told = other.write_all(&seq.to_le_bytes()).and_then(|()| other.read_exact(&mut [0]));
        if told.is_err() {
            self.0 = None;
        }
    }
}
