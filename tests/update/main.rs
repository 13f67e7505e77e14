//! Updates of real hosts: under load, killed at each record, broken on purpose.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod broken;
mod killed;
mod load;
