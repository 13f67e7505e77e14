//! The one appender of `journal.jsonl`.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use newleaf_domain::{Timestamp, UpdateId};

use super::read::{self, JournalError};
use super::{Entry, Record};
use crate::durable::{self, DiskError, chain};
use crate::layout::Layout;
use crate::lock::HostLock;

/// The journal, open for appending. A record is on disk when `append` returns.
#[derive(Debug)]
pub struct Journal {
    /// None while it cannot be opened: each append tries again.
    file: Option<File>,
    path: PathBuf,
    next: u64,
    /// Bytes of whole lines; a failed append is cut back to here.
    length: u64,
    end: End,
}

/// What stands behind the last whole line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Nothing.
    Clean,
    /// Maybe a part of a line: a cut is owed before the next append.
    Torn,
}

impl Journal {
    /// Opens the journal and cuts off a last line that a crash left torn. The lock is the proof
    /// that nobody else appends.
    ///
    /// # Errors
    /// The file cannot be made, read or cut.
    pub fn open(_held: &HostLock, layout: &Layout) -> Result<Self, JournalError> {
        Self::open_at(layout.journal())
    }

    /// The journal for one who only looks: nothing is made and nothing is cut off, so that it can be
    /// had from a disk that is read-only.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn for_a_look(layout: &Layout) -> Result<Self, JournalError> {
        let path = layout.journal();
        let tail = read::tail(&path)?;
        let (next, length, end) = (tail.last_seq + 1, tail.whole, End::Torn);
        Ok(Self { file: None, path, next, length, end })
    }

    /// As [`Journal::open`] where a host must serve whatever became of its journal, which decides nothing. One
    /// that cannot be read is put aside, and begins anew with numbers that it never had; one that
    /// cannot be written is tried again with each record. The second is what to say of it.
    pub fn open_or_go_without(held: &HostLock, layout: &Layout) -> (Self, Option<String>) {
        let error = match Self::open(held, layout) {
            Ok(journal) => return (journal, None),
            Err(error) => error,
        };
        let told = format!("the journal cannot be used ({})", chain(&error));
        let path = layout.journal();
        let now = u64::try_from(now().unix()).unwrap_or_default();
        let anew = is_damage(&error).then(|| durable::put_aside(&path, now));
        if let Some(Ok(aside)) = anew
            && let Ok(mut journal) = Self::open(held, layout)
        {
            journal.next = journal.next.max(now);
            let aside = aside.display();
            return (journal, Some(format!("{told}; it was put aside as {aside} and begins anew")));
        }
        let journal = Self { file: None, path, next: 1, length: 0, end: End::Torn };
        (journal, Some(format!("{told}; it is tried again with each record: {}", error.hint())))
    }

    fn open_at(path: PathBuf) -> Result<Self, JournalError> {
        let is_new = !path.exists();
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .map_err(DiskError::on("open", &path))?;
        if is_new {
            durable::sync_parent(&path)?;
        }
        let tail = read::tail(&path)?;
        let (next, length, end) = (tail.last_seq + 1, tail.whole, End::Torn);
        let mut journal = Self { file: Some(file), path, next, length, end };
        journal.cut()?;
        Ok(journal)
    }

    /// The sequence number of the last record; 0 where there is none.
    pub const fn last_seq(&self) -> u64 {
        self.next - 1
    }

    /// Appends a record and waits until it is on disk.
    ///
    /// # Errors
    /// The disk refused. What was half written is cut off again, at the latest before the next
    /// record is appended.
    pub fn append(
        &mut self,
        update: Option<UpdateId>,
        entry: Entry,
    ) -> Result<Record, JournalError> {
        if self.file.is_none() {
            *self = Self::open_at(self.path.clone())?;
        }
        let record = Record { seq: self.next, at: now(), update, entry };
        let mut line = serde_json::to_vec(&record).map_err(JournalError::Form)?;
        line.push(b'\n');
        if self.end == End::Torn {
            self.cut()?;
        }
        if let Err(source) = self.write(&line) {
            self.end = End::Torn;
            let refused = DiskError::on("append to", &self.path)(source);
            // Where the disk refuses this too, the next append does it first.
            drop(self.cut());
            return Err(refused.into());
        }
        self.next += 1;
        self.length += line.len() as u64;
        Ok(record)
    }

    fn write(&self, line: &[u8]) -> std::io::Result<()> {
        let Some(mut file) = self.file.as_ref() else {
            return Err(std::io::ErrorKind::NotFound.into());
        };
        file.write_all(line)?;
        file.sync_data()
    }

    /// Leaves only whole lines.
    fn cut(&mut self) -> Result<(), DiskError> {
        let on = |action| DiskError::on(action, &self.path);
        let Some(file) = &self.file else { return Ok(()) };
        let length = file.metadata().map_err(on("measure"))?.len();
        if length > self.length {
            file.set_len(self.length).map_err(on("cut"))?;
            file.sync_all().map_err(on("sync"))?;
        }
        self.end = End::Clean;
        Ok(())
    }
}

/// Whether the file itself is what cannot be used, and not the disk that is full or read-only.
fn is_damage(error: &JournalError) -> bool {
    use std::io::ErrorKind::{IsADirectory, PermissionDenied};
    let JournalError::Disk(DiskError { source, .. }) = error else { return false };
    matches!(source.kind(), IsADirectory | PermissionDenied) || durable::is_fault(source)
}

/// The machine's clock, for the record's `at`; a clock before 1970 reads as 1970.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(text: &str) -> Entry {
        Entry::Notice { text: text.to_owned() }
    }

    #[test]
    fn records_count_from_one_and_go_on_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let lock = HostLock::acquire(&layout).unwrap();
        let mut journal = Journal::open(&lock, &layout).unwrap();
        assert_eq!(journal.append(None, notice("a")).unwrap().seq, 1);
        drop(journal);
        let mut journal = Journal::open(&lock, &layout).unwrap();
        assert_eq!(journal.append(None, notice("b")).unwrap().seq, 2);
        assert_eq!(read::read_from(&layout, 2).unwrap().len(), 1);
    }

    #[test]
    fn a_torn_last_line_is_cut_off_wherever_it_was_torn() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let lock = HostLock::acquire(&layout).unwrap();
        let mut journal = Journal::open(&lock, &layout).unwrap();
        journal.append(None, notice("whole")).unwrap();
        let whole = std::fs::read(layout.journal()).unwrap();
        journal.append(None, notice("torn")).unwrap();
        let both = std::fs::read(layout.journal()).unwrap();
        for length in whole.len()..both.len() {
            std::fs::write(layout.journal(), &both[..length]).unwrap();
            let mut journal = Journal::open(&lock, &layout).unwrap();
            assert_eq!(journal.append(None, notice("next")).unwrap().seq, 2, "cut to {length}");
            assert_eq!(read::read_from(&layout, 1).unwrap().len(), 2);
        }
    }

    #[test]
    fn a_record_is_not_glued_to_a_torn_one_that_could_not_be_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let lock = HostLock::acquire(&layout).unwrap();
        let mut journal = Journal::open(&lock, &layout).unwrap();
        journal.append(None, notice("whole")).unwrap();
        // A handle that only reads refuses the append and the cut alike, as a failing disk does.
        let writable = journal.file.replace(File::open(layout.journal()).unwrap()).unwrap();
        (&writable).write_all(br#"{"seq":2,"at":"2026-"#).unwrap();
        journal.append(None, notice("refused")).unwrap_err();
        journal.file = Some(writable);
        assert_eq!(journal.append(None, notice("next")).unwrap().seq, 2);
        let read = read::read_from(&layout, 1).unwrap();
        assert_eq!(read.iter().map(|record| record.seq).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn a_journal_that_cannot_be_read_is_put_aside_and_begins_anew_with_higher_numbers() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let lock = HostLock::acquire(&layout).unwrap();
        std::fs::create_dir(layout.journal()).unwrap();
        let (mut journal, told) = Journal::open_or_go_without(&lock, &layout);
        let told = told.unwrap();
        assert!(told.contains("journal.jsonl.damaged-") && told.contains("anew"), "{told}");
        assert!(journal.append(None, notice("a")).unwrap().seq > 1_000_000);
        assert_eq!(Journal::open_or_go_without(&lock, &layout).1, None);
    }

    #[test]
    fn a_journal_that_cannot_be_made_is_tried_again_with_each_record() {
        let dir = tempfile::tempdir().unwrap();
        let lock = HostLock::acquire(&Layout::new(dir.path())).unwrap();
        let layout = Layout::new(dir.path().join("gone"));
        let (mut journal, told) = Journal::open_or_go_without(&lock, &layout);
        assert!(told.unwrap().contains("tried again"));
        journal.append(None, notice("refused")).unwrap_err();
        std::fs::create_dir(layout.dir()).unwrap();
        assert_eq!(journal.append(None, notice("a")).unwrap().seq, 1);
    }

    #[test]
    fn a_line_whose_number_leaves_none_for_the_next_is_no_record() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let lock = HostLock::acquire(&layout).unwrap();
        let line = |seq: u64| {
            format!(
                "{{\"seq\":{seq},\"at\":\"2026-11-21T02:30:00Z\",\"kind\":\"notice\",\"text\":\"\"}}\n"
            )
        };
        std::fs::write(layout.journal(), line(3) + &line(u64::MAX)).unwrap();
        let mut journal = Journal::open(&lock, &layout).unwrap();
        assert_eq!(journal.append(None, notice("next")).unwrap().seq, 4);
        let read = read::read_from(&layout, 1).unwrap();
        assert_eq!(read.iter().map(|record| record.seq).collect::<Vec<_>>(), [3, 4]);
    }

    #[test]
    fn a_kind_of_a_newer_writer_reads_as_unknown() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let line = r#"{"seq":4,"at":"2026-11-21T02:30:00Z","kind":"sang","tune":{"a":[1]}}"#;
        std::fs::write(layout.journal(), format!("{line}\n")).unwrap();
        let records = read::read_from(&layout, 1).unwrap();
        assert_eq!((records[0].seq, &records[0].entry), (4, &Entry::Unknown));
    }
}
