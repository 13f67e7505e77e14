//! The loop: waits (`hear`), turns what happened into events, and carries out the effects (`turn`).

mod hear;
mod turn;

pub(super) use turn::Shell;
