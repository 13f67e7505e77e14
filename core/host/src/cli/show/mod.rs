//! How commands print: text for people or JSON for programs, four lines for a failure.
//!
//! Only this module writes to stdout and stderr.

mod events;
mod overview;
mod plan;
mod releases;
mod screen;
mod table;
mod trust;
mod width;

pub(crate) use events::Follower;
pub(crate) use overview::{app, apps, freshness, overview};
pub(crate) use plan::{grant, history, plan, prerequisites};
pub(crate) use releases::{channel, channels, releases, verdict};
pub(crate) use screen::{Form, Screen, commands_name, note, raw, refused};
pub(crate) use table::table;
pub(crate) use trust::{both_signers, signers};
