//! The registry as its publishers see it: [`client`] speaks, [`error`] says what went wrong.

mod client;
mod error;

pub(crate) use client::{Registry, Submitted};
pub(crate) use error::RegistryError;
