//! Runs the same change on a copy of the data. Not filled yet: says so in the journal.

use crate::run::{Passed, StepResult};

/// Skips, with the reason that people read.
pub(crate) fn run() -> StepResult<()> {
    Ok(Passed::skipped(
        (),
        "this version of the product does not rehearse; the data is copied before it changes",
    ))
}
