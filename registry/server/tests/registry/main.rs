//! The registry through its doors: HTTP, the binary, and the files it leaves for hosts.

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod operation;
mod publishing;
mod refusals;
mod schedule;
mod smaller;
