//! Bounds the temporary files of an app's statements: a sort, an index or an intermediate result
//! beyond SQLite's few megabytes of memory goes to files that no quota sees.
//!
//! SQLite has no limit of its own for them, and gives them no name that lasts. But a statement runs
//! on one thread from beginning to end, and the kernel counts what each thread writes: where that
//! is more than the app has room for, the files themselves are measured.

use std::{
    fs, io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use newleaf_domain::ByteSize;

use super::reserve::Floor;

/// What the temporary files of an app may hold together, whatever its quota: a sort of some
/// million rows.
const ALWAYS: ByteSize = ByteSize::mib(256);

/// The time between two looks at what the thread has written.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// The time between two measurements of the files, which cost as much as there are open files.
const MEASURE_EVERY: Duration = Duration::from_millis(50);

/// How the names of SQLite's temporary files begin, and what the kernel adds once they are removed,
/// which SQLite does as soon as they are open.
const NAME: (&str, &str) = ("/etilqs_", " (deleted)");

/// The room for temporary files of one app.
#[derive(Debug)]
pub(super) struct Room {
    most: u64,
    written: AtomicU64,
    floor: Floor,
}

/// What one statement has written so far; forgotten when it ends, as its files are removed.
#[derive(Debug)]
pub(super) struct Spill {
    room: Arc<Room>,
    began: Option<u64>,
    counted: u64,
    looked: Option<Instant>,
    measured: Option<Instant>,
}

impl Room {
    /// The room of an app whose database may hold `quota`: enough to sort all of it once.
    /// It ends early where the disk below is wanted by the host.
    pub(super) fn new(quota: ByteSize, floor: Floor) -> Arc<Self> {
        Self::of(ALWAYS.max(quota), floor)
    }

    /// A room of `most`, above `floor`.
    pub(super) fn of(most: ByteSize, floor: Floor) -> Arc<Self> {
        Arc::new(Self { most: most.as_u64(), written: AtomicU64::new(0), floor })
    }

    /// Whether the disk has no more to give to apps.
    pub(super) fn is_at_floor(&self, now: Instant) -> bool {
        self.floor.is_reached(now)
    }

    /// Bytes that statements which run now have written, to whatever file.
    #[cfg(test)]
    pub(super) fn written(&self) -> u64 {
        self.written.load(Relaxed)
    }
}

impl Spill {
    /// Of a statement that begins now.
    pub(super) fn new(room: &Arc<Room>) -> Self {
        Self { room: room.clone(), began: None, counted: 0, looked: None, measured: None }
    }

    /// Whether the app's statements have outgrown their room; called on the statement's own thread.
    /// One that did not write itself is never told so for the files of others.
    pub(super) fn is_too_much(&mut self, now: Instant) -> bool {
        if !is_due(&mut self.looked, LOOK_EVERY, now) {
            return false;
        }
        if let Some(written) = written_by_this_thread() {
            let began = *self.began.get_or_insert(written);
            let more = written.saturating_sub(began).saturating_sub(self.counted);
            self.counted += more;
            if self.counted > 0 && self.room.is_at_floor(now) {
                return true;
            }
            if self.room.written.fetch_add(more, Relaxed) + more <= self.room.most {
                return false;
            }
        }
        // A statement may write the same page many times: only the files tell what the disk holds.
        is_due(&mut self.measured, MEASURE_EVERY, now)
            && temporary_files().is_ok_and(|held| held > self.room.most)
    }
}

impl Drop for Spill {
    fn drop(&mut self) {
        self.room.written.fetch_sub(self.counted, Relaxed);
    }
}

/// Whether `every` has passed since `last`, which is set to `now` then.
fn is_due(last: &mut Option<Instant>, every: Duration, now: Instant) -> bool {
    let due = last.is_none_or(|last| now.duration_since(last) >= every);
    if due {
        *last = Some(now);
    }
    due
}

/// Bytes this thread has given to write calls since it began; none on a system that does not count
/// them (Linux without task accounting).
fn written_by_this_thread() -> Option<u64> {
    let counters = fs::read_to_string("/proc/thread-self/io").ok()?;
    counters.lines().find_map(|line| line.strip_prefix("wchar: "))?.parse().ok()
}

/// Bytes in the temporary files that SQLite has open in this process.
fn temporary_files() -> io::Result<u64> {
    let mut held = 0;
    for entry in fs::read_dir("/proc/self/fd")? {
        let path = entry?.path();
        // A file that is closed meanwhile holds nothing.
        let Ok(name) = fs::read_link(&path) else { continue };
        let name = name.to_string_lossy();
        if name.contains(NAME.0) && name.ends_with(NAME.1) {
            held += fs::metadata(&path).map_or(0, |file| file.len());
        }
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::Write as _};

    use super::*;
    use crate::limits::Reserve;

    #[test]
    fn a_room_is_outgrown_by_temporary_files_alone() {
        let folder = tempfile::tempdir().unwrap();
        let at = |reserve| Floor::below(folder.path(), Reserve::Of(reserve));
        let nothing = ByteSize::bytes(0);
        let room = Room::of(ByteSize::mib(1), at(nothing));
        let mut spill = Spill::new(&room);
        let begin = Instant::now();
        assert!(!spill.is_too_much(begin));
        let path = folder.path().join("etilqs_1");
        let mut file = File::create(&path).unwrap();
        file.write_all(&vec![0; 2 * 1024 * 1024]).unwrap();
        assert!(!spill.is_too_much(begin), "it looked again at once");
        fs::remove_file(&path).unwrap();
        assert!(spill.is_too_much(begin + MEASURE_EVERY));
        let mut other = Spill::new(&Room::of(ByteSize::mib(1), at(nothing)));
        assert!(!other.is_too_much(begin) && !other.is_too_much(begin + MEASURE_EVERY));
        drop(spill);
        assert_eq!(room.written(), 0);
        // With less of the disk free than the host keeps, what was written is too much at once.
        let low = Room::of(ByteSize::mib(1), at(ByteSize::bytes(u64::MAX)));
        let mut spill = Spill::new(&low);
        assert!(!spill.is_too_much(begin), "it has written nothing");
        file.write_all(b"more").unwrap();
        assert!(spill.is_too_much(begin + LOOK_EVERY));
    }
}
