//! The pages: plain HTML that works without a script. What a person or a feed wrote is escaped; an
//! entry's own text was made safe before it was stored.

mod feeds;
mod frame;
mod item;
mod list;
mod time;

pub(crate) use feeds::{Said, feeds};
pub(crate) use frame::{icon, problem, style};
pub(crate) use item::item;
pub(crate) use list::{Shown, list};
