//! Hostile apps on a real host, beside an honest one: each does its worst while clients ask the
//! neighbour, of whose requests none may fail. The host tells the admin, keeps its memory, and
//! serves the hostile app again where it should.
//!
//! All tests share one registry and one host, and take turns: what they measure is the harm of one.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(clippy::print_stdout, reason = "what was measured is part of the result")]

mod answers;
mod change;
mod client;
mod graft;
mod ground;
mod keeper;
mod log;
mod memory;
mod newer;
mod packages;
mod processor;
mod siege;
mod sql;
mod start;
