//! Whole updates over a machine and a repository in memory: what passes, what is refused, and
//! what a crash at any record leaves behind.

mod app;
mod core;
mod crash;
mod refused;
mod story;
mod watching;
