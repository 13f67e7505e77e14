//! The API through its public doors, over an updater whose machine and repository are in memory.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod apps;
mod doors;
mod events;
mod plans;
mod trust;
mod world;
