//! The package format through its public doors: what is refused, and what is promised.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod archive;
mod format;
mod hostile;
mod properties;
mod transport;
