//! Accepts connections and lets go of them without losing a request.
//!
//! axum's own server ends idle keep-alive connections at once when it is told to finish, and a
//! request that was just being sent on one of them is lost. Here a worker that finishes is a
//! *lame duck*: it accepts no more, answers what comes on open connections with
//! `Connection: close`, and closes a connection itself only where the host ends, after it has been
//! silent for a while, or where the next worker serves already, shortly before it would be cut.
//! Handshakes of TLS and half-sent requests are finished, event streams are told to come back and
//! ended, and whoever took a connection over (WebSocket) is told by [`ShutdownWatch`]. What is left
//! after the limit is cut, counted and named in the log.
//!
//! [`ShutdownWatch`]: crate::shutdown::ShutdownWatch
//!
//! A connection ends in stages, so that its last answer is read, also by a client that was refused
//! in the middle of its upload ([`Ebb`]).
//!
//! A client gets no more of this host than its share: it must send heads and bodies and read
//! answers at a pace ([`Manners`]), and public connections have a bound ([`Crowd`]).

mod accept;
mod activity;
mod connection;
mod crowd;
mod ebb;
mod farewell;
#[cfg(test)]
mod handover;
mod manners;
mod paced;
#[cfg(test)]
mod tests;
pub mod tls;
#[cfg(test)]
mod uploads;
mod watched;

pub use accept::{Door, Idle, Listener, serve};
pub use activity::Traffic;
pub use crowd::{Crowd, public_share, raise_descriptors};
pub use ebb::Ebb;
pub use manners::{Manners, Pace};
