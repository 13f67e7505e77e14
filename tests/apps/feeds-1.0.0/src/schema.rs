//! The tables of schema 1.

use newleaf_sdk::{Error, sql};

/// Makes the tables of an empty database.
pub(crate) fn create() -> Result<(), Error> {
    sql::transaction(|| {
        sql::execute_all(&[
            "CREATE TABLE feed (
                id INTEGER PRIMARY KEY, address TEXT NOT NULL UNIQUE, title TEXT NOT NULL DEFAULT '',
                site TEXT NOT NULL DEFAULT '', etag TEXT NOT NULL DEFAULT '',
                modified TEXT NOT NULL DEFAULT '', next INTEGER NOT NULL DEFAULT 0,
                failures INTEGER NOT NULL DEFAULT 0, problem TEXT NOT NULL DEFAULT '',
                advice TEXT NOT NULL DEFAULT '', fetched INTEGER NOT NULL DEFAULT 0)",
            "CREATE TABLE item (
                id INTEGER PRIMARY KEY, feed INTEGER NOT NULL REFERENCES feed(id) ON DELETE CASCADE,
                guid TEXT NOT NULL, version INTEGER NOT NULL, published INTEGER NOT NULL,
                read INTEGER NOT NULL DEFAULT 0, link TEXT NOT NULL, title TEXT NOT NULL,
                author TEXT NOT NULL, summary TEXT NOT NULL, content TEXT NOT NULL,
                UNIQUE (feed, guid))",
            "CREATE INDEX item_order ON item (published DESC, id DESC)",
            "CREATE INDEX item_feed ON item (feed, read)",
            "PRAGMA user_version = 1",
        ])
    })
}

/// Whether the data is there and of this version's schema.
pub(crate) fn check() -> Result<(), Error> {
    let rows = sql::query("PRAGMA user_version", &[])?;
    let found = rows.first().map_or(Ok(0), |row| row.integer(0))?;
    if found != 1 {
        return Err(Error::Failed(format!("the data has schema {found}, but 1 is needed")));
    }
    sql::query("SELECT EXISTS (SELECT 1 FROM feed), EXISTS (SELECT 1 FROM item)", &[]).map(|_| ())
}
