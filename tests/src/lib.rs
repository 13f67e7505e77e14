//! The world that the tests and `cargo demo` share: a real registry and real hosts as processes,
//! a load client that classifies every failure, a real browser.
//!
//! Only what crosses crates stands here; what one crate can show alone is tested beside its code.
#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test's machinery stops at the first surprise, and its message is the report"
)]

pub mod browser;
pub mod build;
pub mod delay;
pub mod events;
pub mod fault;
pub mod faulty;
pub mod load;
pub mod network;
pub mod ports;
pub mod process;
pub mod seed;
pub mod site;
pub mod skip;
pub mod test_point;
pub mod watch;
pub mod world;
