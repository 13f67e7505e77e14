//! `<dir>/journal.jsonl`: what was done, one record a line, written before it is done.
//!
//! The launcher (or the command line, where no host runs) is the only appender. Everyone may read.

mod record;
mod step;

pub use record::{Ending, Entry, Failure, Outcome, Record};
pub use step::{StepId, Undoable};
