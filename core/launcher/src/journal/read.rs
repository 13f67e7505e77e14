//! Reads the journal. Anyone may, while the appender goes on.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

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

impl JournalError {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Form(_) => "this is a fault of newleaf; please report it".to_owned(),
            Self::Disk(error) => error.hint(),
        }
    }
}

/// Each record of the journal, oldest first.
///
/// A line that is not a record is passed over: the journal explains, it decides nothing that
/// `state` does not decide. A line that cannot be read is an error, after which nothing follows:
/// what stands behind it is not known.
///
/// # Errors
/// The file cannot be opened; a journal that does not exist yet is empty.
pub fn replay(
    layout: &Layout,
) -> Result<impl Iterator<Item = Result<Record, JournalError>> + use<>, JournalError> {
    let lines = Lines::open(&layout.journal())?;
    Ok(lines.filter_map(|line| match line {
        Ok(line) => record(&line).map(Ok),
        Err(error) => Some(Err(error.into())),
    }))
}

/// The highest number that a record may have: the largest that every reader of JSON holds exactly
/// (RFC 8259 §6), and more than any journal has.
const MOST: u64 = 1 << 53;

/// The record that a line is. One whose number leaves none for the next is no record.
pub(super) fn record(line: &[u8]) -> Option<Record> {
    serde_json::from_slice(line).ok().filter(|record: &Record| record.seq < MOST)
}

/// The records from `seq` on.
///
/// # Errors
/// The file cannot be opened or read to its end.
pub fn read_from(layout: &Layout, seq: u64) -> Result<Vec<Record>, JournalError> {
    let wanted = |record: &Result<Record, _>| !matches!(record, Ok(record) if record.seq < seq);
    replay(layout)?.filter(wanted).collect()
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
        let line = line?;
        tail.whole += line.len() as u64;
        if let Ok(Numbered { seq }) = serde_json::from_slice(&line)
            && seq < MOST
        {
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

/// Whole lines with their line feed; a last line without one is not given. The first line that
/// cannot be read is the last item: only a file that was read to its end is known to end there.
struct Lines {
    path: PathBuf,
    file: Option<BufReader<File>>,
}

impl Lines {
    fn open(path: &Path) -> Result<Self, DiskError> {
        let file = match File::open(path) {
            Ok(file) => Some(BufReader::new(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(DiskError::on("open", path)(error)),
        };
        Ok(Self { path: path.to_owned(), file })
    }
}

impl Iterator for Lines {
    type Item = Result<Vec<u8>, DiskError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = Vec::new();
        match self.file.as_mut()?.read_until(b'\n', &mut line) {
            Ok(_) => line.ends_with(b"\n").then_some(Ok(line)),
            Err(error) => {
                self.file = None;
                Some(Err(DiskError::on("read", &self.path)(error)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder opens as a file does, and refuses each read of it.
    #[test]
    fn a_journal_that_cannot_be_read_is_not_taken_for_an_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        std::fs::create_dir(layout.journal()).unwrap();
        assert!(matches!(tail(&layout.journal()), Err(JournalError::Disk(_))));
        assert!(matches!(read_from(&layout, 1), Err(JournalError::Disk(_))));
        assert_eq!(replay(&layout).unwrap().count(), 1, "the error is told once, as the last item");
    }
}
