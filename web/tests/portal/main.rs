//! The portal by its public door: requests in, pages out, over a machine and a repository in
//! memory. No script runs here, so every story is also one without JavaScript.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

mod browser;
mod choice;
mod data;
mod door;
mod forgery;
mod live;
mod refused;
mod story;
