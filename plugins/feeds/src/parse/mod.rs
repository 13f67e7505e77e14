//! Reads feed documents: RSS 0.9x, 1.0 and 2.0, Atom 1.0, JSON Feed 1.x. Pure: bytes in, entries
//! out; resolves no entity a document declares itself, and opens nothing a document names.

mod atom;
mod date;
mod document;
mod encoding;
mod json;
mod link;
mod rss;
mod tree;

pub(crate) use document::{Document, Entry, MAX_DOCUMENT, ParseError, document};
pub(crate) use link::sum;
pub(crate) use tree::{Element, push_escaped, read as read_xml};

#[cfg(test)]
mod tests;
