//! A small notes app with pages, search and tags.
