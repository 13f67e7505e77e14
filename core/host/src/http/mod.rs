//! Accepts connections and lets go of them without losing a request.
//!
//! axum's own server ends idle keep-alive connections at once when it is told to finish, and a
//! request that was just being sent on one of them is lost. Here a worker that finishes is a
//! *lame duck*: it accepts no more, answers what comes on open connections with
//! `Connection: close`, and closes a connection itself only after it has been silent for a while.

mod accept;
mod activity;
mod connection;
#[cfg(test)]
mod tests;
mod watched;

pub use accept::{Door, Listener, Manners, serve};
pub use activity::Traffic;
