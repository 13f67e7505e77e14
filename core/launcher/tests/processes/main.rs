//! The launcher with real processes: updates that go well, updates that do not, and crashes.

#![expect(clippy::unwrap_used, reason = "a failed step of a test ends the test")]
#![expect(clippy::print_stdout, reason = "a fake launcher says where it listens")]

mod damage;
mod killed;
mod service;
mod start;
mod succession;
mod update;
mod world;

/// Not a test of its own: what the programs of a world run. Without their environment it does
/// nothing.
#[test]
#[expect(clippy::exit, reason = "the exit status is what a fake program is for")]
fn fake_program() {
    if let Some(status) = world::fake::play() {
        std::process::exit(status);
    }
}
