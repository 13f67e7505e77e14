//! Requests an app makes to the outside, over HTTP/1.1. The way of one:
//!
//! 1. [`hooks`]: `wasi:http` hands it over, whichever version of it the app speaks.
//! 2. [`destination`]: its host is brought to the one form the URL standard knows, and must be
//!    granted.
//! 3. [`fields`]: what belongs to the connection is the host's to say, not the app's.
//! 4. [`connector`]: [`wire`] resolves the name, [`reach`] judges *every* address that came back,
//!    and only those very addresses are connected to. No name is looked up twice.
//! 5. [`body`]: both bodies are bounded in size and time, and counted.
//!
//! A redirect is an answer like any other: the app sees it and may ask for its target, which is
//! then judged as any request is. What is refused is a [`refusal`]: one line in the log with the
//! host, the reason and what an admin can do ([`notes`]), and the right error code for the app.

mod body;
mod client;
pub(crate) mod codes;
mod connector;
mod destination;
mod fields;
pub(crate) mod heads;
mod hooks;
mod notes;
mod proxy;
mod reach;
mod refusal;
mod scripted;
mod settings;
mod stats;
mod tls;
mod wire;

pub use destination::{HostGrant, InvalidHost};
pub use proxy::{ProxyUse, ProxyWay};
pub use scripted::{Door, Scripted};
pub use settings::{Network, Outbound, OutboundLimits, OutboundSettings, Roots};
pub use stats::OutboundStats;

pub(crate) use client::{Lines, Outgoing};
pub(crate) use hooks::Egress;
