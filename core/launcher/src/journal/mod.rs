//! `<dir>/journal.jsonl`: what was done, one record a line, written before it is done.
//!
//! The launcher (or the command line, where no host runs) is the only appender. Everyone may read.

mod file;
mod follow;
mod read;
mod record;
mod step;
mod unfinished;

pub use file::Journal;
pub use follow::Follower;
pub use read::{JournalError, read_from, replay};
pub use record::{Cause, Ending, Entry, Failure, Outcome, Record};
pub use step::{StepId, Undoable};
pub use unfinished::{Unfinished, unfinished_core};
