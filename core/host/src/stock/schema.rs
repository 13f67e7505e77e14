//! The stock product's tables, as its first schema makes them.

use crate::db::Migration;

/// Schema 1: the notice board, and how often its page was looked at.
pub const NOTICE_BOARD: Migration = Migration {
    schema: 1,
    expand: &[
        "CREATE TABLE notice (
            id INTEGER PRIMARY KEY,
            text TEXT NOT NULL,
            at INTEGER NOT NULL -- seconds since 1970
        ) STRICT",
        "CREATE TABLE page_view (
            page TEXT PRIMARY KEY,
            count INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID",
    ],
    ..Migration::NONE
};
