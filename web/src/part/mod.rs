//! The pieces that pages are made of, each a function from data to markup.
//! One function renders a piece for the page and for the event stream, so they cannot differ.

pub(crate) mod badge;
pub(crate) mod candidate;
pub(crate) mod command;
pub(crate) mod form;
pub(crate) mod four_lines;
pub(crate) mod grant;
pub(crate) mod icon;
pub(crate) mod journey;
pub(crate) mod log;
pub(crate) mod names;
pub(crate) mod notes;
pub(crate) mod notice;
pub(crate) mod prerequisite;
pub(crate) mod progress;
pub(crate) mod step;
pub(crate) mod time;
pub(crate) mod words;
pub(crate) mod work;
