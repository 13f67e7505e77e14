//! Carries an approved plan out, exactly so, and tells what it does.
//!
//! Every effect goes through a trait in [`port`]; the crate chooses nothing and never opens a
//! socket, a package or a database by itself.

pub mod view;
