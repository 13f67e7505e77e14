//! Reads the journal. Anyone may, while the appender goes on.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

use super::Record;
use crate::durable::DiskError;
use crate::layout::Layout;

/// Why the journal could not be read or appended to.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A record does not print as JSON.
    #[error("write a record as JSON")]
    Form(#[source] serde_json::Error),
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// Each record of the journal, oldest first. A line that is not a record is passed over: the
/// journal explains, it decides nothing that `state` does not decide.
///
/// # Errors
/// The file cannot be opened; a journal that does not exist yet is empty.
pub fn replay(layout: &Layout) -> Result<impl Iterator<Item = Record>, JournalError> {
    let lines = Lines::open(&layout.journal())?;
    Ok(lines.filter_map(|line| serde_json::from_slice(&line).ok()))
}

/// The records from `seq` on.
///
/// # Errors
/// As [`replay`].
pub fn read_from(layout: &Layout, seq: u64) -> Result<Vec<Record>, JournalError> {
    Ok(replay(layout)?.filter(|record| record.seq >= seq).collect())
}

/// Where a journal ends.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// The highest sequence number.
    pub(super) last_seq: u64,
    /// Bytes of whole lines.
    pub(super) whole: u64,
}

pub(super) fn tail(path: &Path) -> Result<Tail, JournalError> {
    let mut tail = Tail::default();
    for line in Lines::open(path)? {
        tail.whole += line.len() as u64;
        if let Ok(Numbered { seq }) = serde_json::from_slice(&line) {
            tail.last_seq = tail.last_seq.max(seq);
        }
    }
    Ok(tail)
}

/// The part of every record's form that never changes.
#[derive(serde::Deserialize)]
struct Numbered {
    seq: u64,
}

/// Whole lines with their line feed; a last line without one is not given.
struct Lines(Option<BufReader<File>>);

impl Lines {
    fn open(path: &Path) -> Result<Self, DiskError> {
        match File::open(path) {
            Ok(file) => Ok(Self(Some(BufReader::new(file)))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self(None)),
            Err(error) => Err(DiskError::on("open", path)(error)),
        }
    }
}

impl Iterator for Lines {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut line = Vec::new();
        self.0.as_mut()?.read_until(b'\n', &mut line).ok()?;
        line.ends_with(b"\n").then_some(line)
    }
}
