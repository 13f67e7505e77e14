//! Benches: what an update of core costs in bytes, processor time and memory. They measure the two
//! consecutive cores that the other tests update between, built in the profile of the tests.
//!
//! Run by `cargo verify --all`. The size and the memory are asserted; the processor's time depends
//! on the machine and is told.
#![expect(clippy::unwrap_used, reason = "a bench stops at the first surprise")]
#![expect(clippy::print_stdout, reason = "what was measured is the result")]

mod carried;
mod cores;
mod measured;
