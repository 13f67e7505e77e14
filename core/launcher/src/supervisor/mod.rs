//! What the launcher decides, as a pure function of what it knows and what happened.
//!
//! [`step`] takes a [`Model`] and an [`Event`] and gives the next model and the [`Effect`]s, in
//! the order they must be carried out. It touches no process, no file and no clock, so every
//! path of an update of core is a test without one. The shell in [`crate::serve`] carries out.
//!
//! Rules that hold everywhere: a record stands before the effect it announces; a try is burnt
//! before the start it pays for; the start of the good version stands before every record, so
//! that a full disk never keeps it down; only what was probed is told to go; a full disk or a
//! lack of descriptors is never evidence against a version, and neither is damage on disk; no
//! version is blamed for a start that the good one, with the same settings, could not make either.

mod asked;
mod damage;
mod doubt;
mod event;
mod model;
mod ordered;
mod pulse;
mod start;
mod status;
mod succession;
mod trial;
mod turn;
mod worker;

#[cfg(test)]
mod instants;
#[cfg(test)]
mod tests;

pub use doubt::Doubt;
pub use event::{Effect, Event, Evidence, Exit, Reply, Timer};
pub use model::{
    Beat, Model, Speech, Stage, StandIn, Succession, Timing, Watch, Which, Worker, WorkerId,
};
pub use status::Status;
pub use turn::step;
pub use worker::PAGE;
