//! Promises 1 and 5: what must be refused is refused, with its own message and exit code, and
//! the old version goes on serving.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod ground;
mod host;
mod repository;
mod victim;
