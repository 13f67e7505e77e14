//! Machines whose disk, power or processes fail at a chosen instant.
//!
//! A [`Story`] is a whole update over a real folder with the host's own adapters: state, journal,
//! slots, downloads, trust and the apps' data in SQLite are real; the repository is in memory, the
//! apps need no WebAssembly, and no launcher runs beside. Every disk access of it is made by one
//! thread, in an order that does not change, so that the n-th system call is the same in each run.
//! [`strace`] makes one of them fail; [`power`] rebuilds what a power cut could have left of all of
//! them. [`growth`] is the host's own database while core is updated. [`launched`] is the launcher
//! alone with programs that only say what they must.

mod apps;
pub mod copy;
pub mod growth;
pub mod launched;
mod machine;
pub mod power;
pub mod small_disk;
mod story;
pub mod strace;
mod tame;
pub mod trace;

pub use machine::{Releases, in_one_thread};
pub use story::Story;
