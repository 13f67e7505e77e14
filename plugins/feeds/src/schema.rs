//! The tables, and how older data is brought to them.

use newleaf_sdk::{
    Error,
    sql::{self, Row},
};

use crate::{clean, item};

/// The data schema this version writes, as `manifest.json` says.
const SCHEMA: i64 = 2;

const FEED: &str = "CREATE TABLE feed (
    id INTEGER PRIMARY KEY, address TEXT NOT NULL UNIQUE, title TEXT NOT NULL DEFAULT '',
    site TEXT NOT NULL DEFAULT '', etag TEXT NOT NULL DEFAULT '', modified TEXT NOT NULL DEFAULT '',
    next INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0,
    problem TEXT NOT NULL DEFAULT '', advice TEXT NOT NULL DEFAULT '',
    fetched INTEGER NOT NULL DEFAULT 0)";

/// The texts stand last: what is asked of every row is found in its first page.
const ITEM: &str = "CREATE TABLE item (
    id INTEGER PRIMARY KEY, feed INTEGER NOT NULL REFERENCES feed(id) ON DELETE CASCADE,
    guid TEXT NOT NULL, version INTEGER NOT NULL, published INTEGER NOT NULL,
    read INTEGER NOT NULL DEFAULT 0, link TEXT NOT NULL, title TEXT NOT NULL, author TEXT NOT NULL,
    summary TEXT NOT NULL, content TEXT NOT NULL, UNIQUE (feed, guid))";

const ITEM_ORDER: &str = "CREATE INDEX item_order ON item (published DESC, id DESC)";

const ITEM_FEED: &str = "CREATE INDEX item_feed ON item (feed, read)";

const STAR: &str = "CREATE TABLE star (
    item INTEGER PRIMARY KEY REFERENCES item(id) ON DELETE CASCADE)";

const TERM: &str = "CREATE TABLE term (
    word TEXT NOT NULL, item INTEGER NOT NULL REFERENCES item(id) ON DELETE CASCADE,
    PRIMARY KEY (word, item)) WITHOUT ROWID";

const TERM_ITEM: &str = "CREATE INDEX term_item ON term (item)";

/// Makes the tables of an empty database.
pub(crate) fn create() -> Result<(), Error> {
    sql::transaction(|| {
        sql::execute_all(&[
            FEED,
            ITEM,
            ITEM_ORDER,
            ITEM_FEED,
            STAR,
            TERM,
            TERM_ITEM,
            "PRAGMA user_version = 2",
        ])
    })
}

/// Brings older data to this version's schema. Done twice, the second time changes nothing.
pub(crate) fn migrate(from: u32, to: u32) -> Result<(), Error> {
    if version()? == i64::from(to) {
        return Ok(());
    }
    match (from, to) {
        (1, 2) => sql::transaction(add_stars_and_search),
        _ => Err(Error::Failed(format!("feeds have no migration from schema {from} to {to}"))),
    }
}

/// Schema 1 had neither stars nor an index of words.
fn add_stars_and_search() -> Result<(), Error> {
    sql::execute_all(&[STAR, TERM, TERM_ITEM])?;
    // In pages, so that any number of entries fits through the host's limits.
    let mut after = 0;
    loop {
        let rows = sql::query(
            "SELECT id, title, author, content FROM item WHERE id > ?1 ORDER BY id LIMIT 50",
            &[after.into()],
        )?;
        let Some(last) = rows.last() else { break };
        after = last.integer(0)?;
        for row in &rows {
            index(row)?;
        }
    }
    sql::execute_all(&["PRAGMA user_version = 2"])
}

fn index(row: &Row) -> Result<(), Error> {
    let text = format!("{} {} {}", row.text(1)?, row.text(2)?, clean::words(row.text(3)?));
    item::index(row.integer(0)?, &text)
}

/// Whether the data is there and of this version's schema.
pub(crate) fn check() -> Result<(), Error> {
    let found = version()?;
    if found != SCHEMA {
        return Err(Error::Failed(format!("the data has schema {found}, but {SCHEMA} is needed")));
    }
    let tables =
        ["feed", "item", "star", "term"].map(|table| format!("EXISTS (SELECT 1 FROM {table})"));
    sql::query(&format!("SELECT {}", tables.join(", ")), &[]).map(|_| ())
}

fn version() -> Result<i64, Error> {
    let rows = sql::query("PRAGMA user_version", &[])?;
    rows.first().map_or(Ok(0), |row| row.integer(0))
}
