//! The portal: HTTP in, HTML out. Sees the updater, what it tells, and two stores; opens no file,
//! no socket and no database, and chooses nothing.
//!
//! Every page is a function from data to markup ([`maud`]) and works as plain forms: `POST`, then
//! `303`. The script only makes a running update move. A request passes the [`gate`] before any
//! handler sees it: it must be meant for one of our [`origin`]s, and where it changes something it
//! must come from a page of the same origin, of the same session.
//!
//! A host builds a [`Portal`], mounts [`router`] at `/` of its admin listener, and keeps sessions
//! and sign-in links by the traits in [`store`]. [`link::issue_link`] makes a link to sign in.

mod asset;
mod cookie;
pub mod gate;
pub mod link;
pub mod origin;
mod page;
mod part;
mod portal;
mod product;
pub mod repair;
mod route;
pub mod store;
pub mod token;

#[cfg(test)]
mod contrast;
#[cfg(test)]
mod gallery;
#[cfg(test)]
mod markup;
#[cfg(test)]
mod sample;

pub use portal::Portal;
pub use product::ProductFace;
pub use route::router;
