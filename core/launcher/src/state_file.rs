//! Reads and replaces `<dir>/state`. The only code that does.
//!
//! The file is the state as JSON, then one line with the SHA-256 of all that stands before it.
//! A torn file is answered from `state.prev`, and so is one the disk cannot give; one of a newer
//! schema is refused by name, because an older truth is no answer to it, and so is one that could
//! not be opened for want of descriptors or memory.

use std::io;
use std::path::{Path, PathBuf};

use newleaf_domain::{Digest, shell};

use crate::durable::{self, Before, DiskError};
use crate::layout::Layout;
use crate::lock::HostLock;
use crate::state::{STATE_SCHEMA, State};

/// Why `state` could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// There is none: the folder was never initialised.
    #[error("there is no state in {}", .0.display())]
    Missing(PathBuf),
    /// Neither `state` nor `state.prev` is whole.
    #[error("{} is torn and state.prev gives no older one", .0.display())]
    Torn(PathBuf),
    /// Written by a newer version.
    #[error("{} has schema {found}, but this version reads up to {known}", path.display())]
    Future {
        /// The file.
        path: PathBuf,
        /// The schema it has.
        found: u32,
        /// The newest that is understood.
        known: u32,
    },
    /// There is already one.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// The state does not print as JSON.
    #[error("write the state as JSON")]
    Form(#[source] serde_json::Error),
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl StateError {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        let told = match self {
            Self::Missing(dir) => {
                return format!(
                    "where it was a host that lost its state: newleaf init --adopt --dir {}; where \
                     it never was one: newleaf init --help",
                    shell::word(dir)
                );
            }
            Self::Torn(state) => {
                return format!(
                    "put `state` back from a backup of the folder; where there is none: newleaf init \
                     --adopt --dir {}",
                    shell::word(state.parent().unwrap_or(state))
                );
            }
            Self::Future { .. } => "start the newer version again; it wrote this file",
            Self::Exists(_) => "choose an empty folder, or start the host that is there",
            Self::Form(_) => "this is a fault of newleaf; please report it",
            Self::Disk(error) => return error.hint(),
        };
        told.to_owned()
    }
}

/// What runs on the host in `layout`. Anyone may read; only the holder of the lock writes.
///
/// # Errors
/// Missing, torn twice, of a newer schema, or unreadable.
pub fn read(layout: &Layout) -> Result<State, StateError> {
    read_with_source(layout).map(|(state, _)| state)
}

/// Which file a state was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// `state`.
    Current,
    /// `state.prev`: what was written last is lost, because of this.
    Previous(String),
}

/// What runs, and from which file that is known.
pub(crate) fn read_with_source(layout: &Layout) -> Result<(State, Source), StateError> {
    let (why, nothing) = match read_one(&layout.state()) {
        Ok(Found::Whole(state)) => return Ok((*state, Source::Current)),
        Ok(Found::Torn) => ("it is torn".to_owned(), StateError::Torn(layout.state())),
        Ok(Found::None) => {
            ("it is missing".to_owned(), StateError::Missing(layout.dir().to_owned()))
        }
        Err(StateError::Disk(error)) if !durable::is_want(&error.source) => {
            (format!("{error}: {}", error.source), error.into())
        }
        Err(error) => return Err(error),
    };
    match read_one(&layout.previous_state()) {
        Ok(Found::Whole(state)) => Ok((*state, Source::Previous(why))),
        Ok(Found::Torn | Found::None) | Err(StateError::Disk(_)) => Err(nothing),
        Err(error) => Err(error),
    }
}

/// Replaces the state durably. The lock is the proof that nobody else writes. A torn state never
/// takes the place of the whole one before it, and one that cannot be read is put aside.
pub(crate) fn write(_held: &HostLock, layout: &Layout, state: &State) -> Result<(), StateError> {
    let before = match read_one(&layout.state()) {
        Ok(Found::Torn) => Before::IsDropped,
        Err(StateError::Disk(error)) if durable::is_want(&error.source) => return Err(error.into()),
        Err(StateError::Disk(_)) => {
            durable::put_aside(&layout.state(), state.seq)?;
            Before::IsDropped
        }
        Ok(Found::Whole(_) | Found::None) | Err(_) => Before::IsKept,
    };
    Ok(durable::replace(&layout.state(), &layout.previous_state(), &print(state)?, before)?)
}

/// Writes the first state of a new host.
pub(crate) fn create(held: &HostLock, layout: &Layout, state: &State) -> Result<(), StateError> {
    if layout.state().exists() || layout.previous_state().exists() {
        return Err(StateError::Exists(layout.state()));
    }
    write(held, layout, state)
}

enum Found {
    Whole(Box<State>),
    Torn,
    None,
}

fn read_one(path: &Path) -> Result<Found, StateError> {
    let bytes = match durable::steadily(|| std::fs::read(path)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::None),
        Err(error) => return Err(DiskError::on("read", path)(error).into()),
    };
    let Some(json) = checked(&bytes) else { return Ok(Found::Torn) };
    let Ok(Form { schema }) = serde_json::from_slice(json) else { return Ok(Found::Torn) };
    if schema > STATE_SCHEMA {
        let path = path.to_owned();
        return Err(StateError::Future { path, found: schema, known: STATE_SCHEMA });
    }
    Ok(serde_json::from_slice(json).map_or(Found::Torn, |state| Found::Whole(Box::new(state))))
}

/// The part of every schema's form that never changes.
#[derive(serde::Deserialize)]
struct Form {
    schema: u32,
}

fn print(state: &State) -> Result<Vec<u8>, StateError> {
    let mut bytes = serde_json::to_vec_pretty(state).map_err(StateError::Form)?;
    bytes.push(b'\n');
    let sum = Digest::of(&bytes);
    bytes.extend_from_slice(format!("{sum}\n").as_bytes());
    Ok(bytes)
}

/// The JSON in `bytes`, where its checksum line is right.
fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let line = bytes.len().checked_sub(65)?;
    let (json, sum) = bytes.split_at(line);
    let sum = std::str::from_utf8(sum).ok()?.strip_suffix('\n')?;
    (Digest::parse(sum).ok()? == Digest::of(json)).then_some(json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn host() -> (tempfile::TempDir, Layout, HostLock) {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let lock = HostLock::acquire(&layout).unwrap();
        (dir, layout, lock)
    }

    #[test]
    fn a_state_reads_as_it_was_written() {
        let (_dir, layout, lock) = host();
        write(&lock, &layout, &sample::state()).unwrap();
        assert_eq!(read(&layout).unwrap(), sample::state());
    }

    #[test]
    fn a_torn_state_is_answered_from_the_one_before() {
        let (_dir, layout, lock) = host();
        let first = sample::state();
        write(&lock, &layout, &first).unwrap();
        write(&lock, &layout, &State { seq: 2, ..first.clone() }).unwrap();
        let whole = std::fs::read(layout.state()).unwrap();
        for length in 0..whole.len() {
            std::fs::write(layout.state(), &whole[..length]).unwrap();
            assert_eq!(read(&layout).unwrap().seq, first.seq, "cut to {length} bytes");
        }
    }

    #[test]
    fn a_torn_state_never_takes_the_place_of_the_whole_one_before_it() {
        let (_dir, layout, lock) = host();
        let first = sample::state();
        write(&lock, &layout, &first).unwrap();
        write(&lock, &layout, &State { seq: 2, ..first.clone() }).unwrap();
        std::fs::write(layout.state(), b"torn").unwrap();
        let read = read_with_source(&layout).unwrap();
        assert_eq!(read, (first.clone(), Source::Previous("it is torn".to_owned())));
        write(&lock, &layout, &State { seq: 3, ..first.clone() }).unwrap();
        std::fs::write(layout.state(), b"torn again, before it was whole on disk").unwrap();
        assert_eq!(read_with_source(&layout).unwrap().0, first);
    }

    #[test]
    fn a_state_that_cannot_be_read_is_answered_from_the_one_before_and_put_aside() {
        let (dir, layout, lock) = host();
        let first = sample::state();
        write(&lock, &layout, &first).unwrap();
        write(&lock, &layout, &State { seq: 2, ..first.clone() }).unwrap();
        std::fs::remove_file(layout.state()).unwrap();
        std::fs::create_dir(layout.state()).unwrap();
        let (read, source) = read_with_source(&layout).unwrap();
        assert_eq!(read, first);
        assert!(matches!(source, Source::Previous(why) if why.contains("Is a directory")));
        write(&lock, &layout, &State { seq: 4, ..first.clone() }).unwrap();
        assert_eq!(read_with_source(&layout).unwrap().0.seq, 4);
        assert!(dir.path().join("state.damaged-4").is_dir(), "it is kept");
    }

    #[test]
    fn where_neither_can_be_read_the_disk_is_named() {
        let (_dir, layout, _lock) = host();
        std::fs::create_dir(layout.state()).unwrap();
        std::fs::create_dir(layout.previous_state()).unwrap();
        assert!(matches!(read(&layout), Err(StateError::Disk(_))));
    }

    #[test]
    fn a_state_of_a_newer_schema_is_refused_by_name() {
        let (_dir, layout, lock) = host();
        write(&lock, &layout, &sample::state()).unwrap();
        write(&lock, &layout, &State { schema: 9, ..sample::state() }).unwrap();
        let error = read(&layout).unwrap_err();
        assert!(matches!(error, StateError::Future { found: 9, known: STATE_SCHEMA, .. }));
    }

    #[test]
    fn a_folder_without_a_state_says_so() {
        let (_dir, layout, _lock) = host();
        assert!(matches!(read(&layout), Err(StateError::Missing(_))));
    }

    #[test]
    fn a_second_first_state_is_refused() {
        let (_dir, layout, lock) = host();
        create(&lock, &layout, &sample::state()).unwrap();
        assert!(matches!(create(&lock, &layout, &sample::state()), Err(StateError::Exists(_))));
    }
}
