//! The disk fails, the process is killed, the power goes: at each system call, in each order.
//!
//! Every choice comes from a seed that a failure prints; the tier `--system` tries a part of the
//! points, `--all` all of them.

mod database;
mod disk;
mod power;
mod sweep;
