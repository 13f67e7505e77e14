//! The tables, and how older data is brought to them.

use newleaf_sdk::{Error, sql};

use crate::poll::now;

/// The data schema this version writes, as `manifest.json` says.
const SCHEMA: i64 = 2;

/// `kept` is in days after closing, 0 for ever; `shut_at` is when `shut` became 1.
const POLL: &str = "CREATE TABLE poll (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, keeper TEXT NOT NULL,
    question TEXT NOT NULL, note TEXT NOT NULL, kind TEXT NOT NULL,
    results TEXT NOT NULL, closes INTEGER, shut INTEGER NOT NULL DEFAULT 0,
    kept INTEGER NOT NULL DEFAULT 0, shut_at INTEGER)";

const CHOICE: &str = "CREATE TABLE choice (
    id INTEGER PRIMARY KEY, poll INTEGER NOT NULL REFERENCES poll(id) ON DELETE CASCADE,
    text TEXT NOT NULL)";

/// A browser's mark can have one ballot in a poll, whatever comes at the same time.
const BALLOT: &str = "CREATE TABLE ballot (
    id INTEGER PRIMARY KEY, poll INTEGER NOT NULL REFERENCES poll(id) ON DELETE CASCADE,
    mark TEXT NOT NULL, UNIQUE (poll, mark))";

const VOTE: &str = "CREATE TABLE vote (
    choice INTEGER NOT NULL REFERENCES choice(id) ON DELETE CASCADE,
    ballot INTEGER NOT NULL REFERENCES ballot(id) ON DELETE CASCADE,
    PRIMARY KEY (choice, ballot)) WITHOUT ROWID";

/// Makes the tables of an empty database.
pub(crate) fn create() -> Result<(), Error> {
    sql::transaction(|| {
        sql::execute_all(&[
            POLL,
            CHOICE,
            "CREATE INDEX choice_poll ON choice (poll)",
            BALLOT,
            VOTE,
            "CREATE INDEX vote_ballot ON vote (ballot)",
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
        (1, 2) => sql::transaction(add_days),
        _ => Err(Error::Failed(format!("polls have no migration from schema {from} to {to}"))),
    }
}

/// Schema 1 kept every poll for ever, and did not know when one was closed by hand.
fn add_days() -> Result<(), Error> {
    sql::execute_all(&[
        "ALTER TABLE poll ADD COLUMN kept INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE poll ADD COLUMN shut_at INTEGER",
    ])?;
    // Later than it was, so that days which are chosen from now on begin now.
    sql::execute("UPDATE poll SET shut_at = ?1 WHERE shut = 1", &[now().into()])?;
    sql::execute_all(&["PRAGMA user_version = 2"])
}

/// Whether the data is there and of this version's schema.
pub(crate) fn check() -> Result<(), Error> {
    let found = version()?;
    if found != SCHEMA {
        return Err(Error::Failed(format!("the data has schema {found}, but {SCHEMA} is needed")));
    }
    let tables =
        ["poll", "choice", "ballot", "vote"].map(|table| format!("EXISTS (SELECT 1 FROM {table})"));
    sql::query(&format!("SELECT {}", tables.join(", ")), &[]).map(|_| ())
}

fn version() -> Result<i64, Error> {
    let rows = sql::query("PRAGMA user_version", &[])?;
    rows.first().map_or(Ok(0), |row| row.integer(0))
}
