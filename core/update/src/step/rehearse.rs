//! Runs the same change on a copy of the data. Not filled yet: says so in the journal.

use crate::run::Passed;

/// Skips, with the reason that people read.
pub(crate) fn run() -> Passed<()> {
    Passed::skipped(
        (),
        "this version of the product does not rehearse; the data is copied before it changes",
    )
}
