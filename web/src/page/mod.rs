//! The pages, each a function from data to a whole document.

mod app;
mod apps;
mod channel;
mod failure;
mod frame;
mod history;
mod overview;
mod plan;
mod preflight;
mod releases;
pub(crate) mod run;
mod sign_in;
mod undo;

pub(crate) use app::{AppPage, Removal, app};
pub(crate) use apps::apps;
pub(crate) use channel::channel;
pub(crate) use failure::{failed, failure, stale};
pub(crate) use frame::{Frame, Page, Place, Refresh};
pub(crate) use history::history;
pub(crate) use overview::{History, overview};
pub(crate) use plan::{Asked, plan};
pub(crate) use preflight::preflight;
pub(crate) use releases::{Releases, releases};
pub(crate) use run::run;
pub(crate) use sign_in::{confirm, link_refused, signed_out};
pub(crate) use undo::{AskedBack, Undo, undo};
