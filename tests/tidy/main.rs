//! Rules of the house that a compiler does not check: who may use whom, what stands in every
//! file, what never changes.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod arrows;
mod dependencies;
mod faults;
mod files;
mod frozen;
mod tree;
mod waits;
