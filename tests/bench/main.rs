//! Benches: what an update of core costs in bytes, processor time and memory, and what apps cost:
//! requests, instances, starts, updates. The first measure the two consecutive cores that the other
//! tests update between, built in the profile of the tests; the second the host as it is released.
//!
//! Run by `cargo verify --all`. The size and the memory of a delta are asserted; what depends on the
//! machine is told beside its aim.
#![expect(clippy::unwrap_used, reason = "a bench stops at the first surprise")]
#![expect(clippy::print_stdout, reason = "what was measured is the result")]

mod carried;
mod cores;
mod measured;
mod optimised;
mod requests;
