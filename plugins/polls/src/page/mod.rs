//! The pages: plain HTML that works without a script. Whatever a person wrote is escaped.

mod ask;
mod chart;
mod fate;
mod frame;
mod keep;
mod vote;

pub(crate) use ask::ask;
pub(crate) use chart::percent;
pub(crate) use frame::{icon, problem, style};
pub(crate) use keep::keep;
pub(crate) use vote::{Notice, results, vote};
