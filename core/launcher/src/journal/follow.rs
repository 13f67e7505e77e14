//! Follows the journal: reads what is new since the last time, and not what was read before.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::PathBuf;

use super::{JournalError, Record};
use crate::durable::DiskError;
use crate::layout::Layout;

/// Records whose place in the file is remembered: a reader that is no further behind reads only
/// what it lacks.
const MARKS: usize = 1024;

/// A reader that comes back. Holds places in the file, no records.
#[derive(Debug)]
pub struct Follower {
    path: PathBuf,
    /// Where each of the newest records that were read ends, by its number.
    marks: VecDeque<Mark>,
    read: u64,
}

/// The place right behind a record.
#[derive(Debug, Clone, Copy)]
struct Mark {
    seq: u64,
    end: u64,
}

impl Follower {
    /// A follower of the journal of this host that has read nothing yet.
    pub fn new(layout: &Layout) -> Self {
        Self { path: layout.journal(), marks: VecDeque::new(), read: 0 }
    }

    /// The records after the one numbered `after`, as [`replay`](super::replay) gives them.
    ///
    /// # Errors
    /// The file cannot be read; a journal that does not exist yet is empty.
    pub fn after(&mut self, after: u64) -> Result<Vec<Record>, JournalError> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed("open")(error).into()),
        };
        let length = file.metadata().map_err(self.failed("measure"))?.len();
        if self.marks.back().is_some_and(|mark| mark.end > length) {
            // It is another file than the one that was read.
            self.marks.clear();
        }
        let from =
            self.marks.iter().rev().find(|mark| mark.seq <= after).map_or(0, |mark| mark.end);
        file.seek(SeekFrom::Start(from)).map_err(self.failed("read"))?;
        self.read_on(BufReader::new(file), from, after)
    }

    /// Bytes of the journal that were read so far.
    pub const fn bytes_read(&self) -> u64 {
        self.read
    }

    fn read_on(
        &mut self,
        mut file: BufReader<File>,
        mut at: u64,
        after: u64,
    ) -> Result<Vec<Record>, JournalError> {
        let mut records = Vec::new();
        let mut line = Vec::new();
        loop {
            line.clear();
            self.read += file.read_until(b'\n', &mut line).map_err(self.failed("read"))? as u64;
            if !line.ends_with(b"\n") {
                // The end, or a record that is being written at this moment.
                return Ok(records);
            }
            at += line.len() as u64;
            let Some(record) = super::read::record(&line) else { continue };
            self.mark(Mark { seq: record.seq, end: at });
            if record.seq > after {
                records.push(record);
            }
        }
    }

    fn mark(&mut self, mark: Mark) {
        if self.marks.back().is_none_or(|last| last.seq < mark.seq) {
            self.marks.push_back(mark);
        }
        if self.marks.len() > MARKS {
            self.marks.pop_front();
        }
    }

    fn failed(&self, action: &'static str) -> impl FnOnce(io::Error) -> DiskError {
        DiskError::on(action, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Entry, Journal};
    use crate::lock::HostLock;

    fn append(journal: &mut Journal, count: usize) {
        for number in 0..count {
            journal.append(None, Entry::Notice { text: format!("number {number}") }).unwrap();
        }
    }

    /// A journal with `count` records.
    fn journal(count: usize) -> (tempfile::TempDir, Layout, HostLock, Journal) {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let lock = HostLock::acquire(&layout).unwrap();
        let mut journal = Journal::open(&lock, &layout).unwrap();
        append(&mut journal, count);
        (dir, layout, lock, journal)
    }

    #[test]
    fn only_what_is_new_is_read() {
        let (_dir, layout, _lock, mut journal) = journal(50);
        let mut follower = Follower::new(&layout);
        assert_eq!(follower.after(0).unwrap().len(), 50);
        let length = std::fs::metadata(layout.journal()).unwrap().len();
        assert_eq!(follower.bytes_read(), length);
        assert!(follower.after(50).unwrap().is_empty());
        assert_eq!(follower.bytes_read(), length, "nothing new, nothing read");
        append(&mut journal, 1);
        let grown = std::fs::metadata(layout.journal()).unwrap().len();
        assert_eq!(follower.after(50).unwrap()[0].seq, 51);
        assert_eq!(follower.bytes_read(), grown, "the one new record");
    }

    #[test]
    fn one_who_lags_reads_from_where_it_is() {
        let (_dir, layout, _lock, _journal) = journal(50);
        let mut follower = Follower::new(&layout);
        follower.after(0).unwrap();
        let all = follower.bytes_read();
        let lagging = follower.after(48).unwrap();
        assert_eq!(lagging.iter().map(|record| record.seq).collect::<Vec<_>>(), [49, 50]);
        assert!(follower.bytes_read() - all < all / 10, "two records of fifty");
        assert_eq!(follower.after(0).unwrap().len(), 50, "all of it, for one who asks for that");
    }

    #[test]
    fn places_are_bounded_and_what_lies_before_them_is_still_found() {
        let (_dir, layout, _lock, _journal) = journal(MARKS + 10);
        let mut follower = Follower::new(&layout);
        follower.after(0).unwrap();
        assert_eq!(follower.marks.len(), MARKS);
        assert_eq!(follower.after(3).unwrap().len(), MARKS + 7);
    }

    #[test]
    fn a_record_that_is_half_written_is_read_once_it_is_whole() {
        let (_dir, layout, _lock, _journal) = journal(1);
        let whole = std::fs::read(layout.journal()).unwrap();
        let mut follower = Follower::new(&layout);
        std::fs::write(layout.journal(), &whole[..whole.len() - 1]).unwrap();
        assert!(follower.after(0).unwrap().is_empty());
        std::fs::write(layout.journal(), &whole).unwrap();
        assert_eq!(follower.after(0).unwrap().len(), 1);
    }

    #[test]
    fn a_journal_that_became_shorter_is_read_anew() {
        let (_dir, layout, _lock, _journal) = journal(5);
        let mut follower = Follower::new(&layout);
        follower.after(0).unwrap();
        let all = std::fs::read(layout.journal()).unwrap();
        let first = all.split_inclusive(|byte| *byte == b'\n').next().unwrap();
        std::fs::write(layout.journal(), first).unwrap();
        assert_eq!(follower.after(0).unwrap().len(), 1);
    }
}
