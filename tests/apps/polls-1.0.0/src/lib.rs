//! The data of polls 1.0.0, with a few polls in it. Kept to test updates; it has no pages.

use newleaf_sdk::{App, Error, Request, Response, sql};

struct Polls;

newleaf_sdk::app!(Polls);

impl App for Polls {
    fn handle(_request: &Request) -> Response {
        Response::status(404)
    }

    fn init() -> Result<(), Error> {
        sql::transaction(|| {
            sql::execute_all(&SCHEMA_1)?;
            sql::execute_all(&POLLS)
        })
    }
}

const SCHEMA_1: [&str; 7] = [
    "CREATE TABLE poll (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, keeper TEXT NOT NULL,
        question TEXT NOT NULL, note TEXT NOT NULL, kind TEXT NOT NULL,
        results TEXT NOT NULL, closes INTEGER, shut INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE choice (
        id INTEGER PRIMARY KEY, poll INTEGER NOT NULL REFERENCES poll(id) ON DELETE CASCADE,
        text TEXT NOT NULL)",
    "CREATE INDEX choice_poll ON choice (poll)",
    "CREATE TABLE ballot (
        id INTEGER PRIMARY KEY, poll INTEGER NOT NULL REFERENCES poll(id) ON DELETE CASCADE,
        mark TEXT NOT NULL, UNIQUE (poll, mark))",
    "CREATE TABLE vote (
        choice INTEGER NOT NULL REFERENCES choice(id) ON DELETE CASCADE,
        ballot INTEGER NOT NULL REFERENCES ballot(id) ON DELETE CASCADE,
        PRIMARY KEY (choice, ballot)) WITHOUT ROWID",
    "CREATE INDEX vote_ballot ON vote (ballot)",
    "PRAGMA user_version = 1",
];

/// One that is open, one that was closed by hand, one whose time was over in 2001. The keeper's
/// secret is `secret`, of which the SHA-256 is kept.
const POLLS: [&str; 4] = [
    "INSERT INTO poll (id, name, keeper, question, note, kind, results, closes, shut)
     SELECT column1, column2, '2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b',
        column3, 'As ever.', column4, 'always', column5, column6
     FROM (VALUES (1, 'open', 'Still?', 'single', NULL, 0),
        (2, 'shut', 'Enough?', 'multiple', NULL, 1),
        (3, 'past', 'Then?', 'single', 1000000000, 0))",
    "INSERT INTO choice (id, poll, text) VALUES (1, 1, 'Yes'), (2, 1, 'No'), (3, 2, 'Milk'),
        (4, 2, 'Flour'), (5, 3, 'Now'), (6, 3, 'Never')",
    "INSERT INTO ballot (id, poll, mark) VALUES (1, 1, 'ann'), (2, 1, 'bob'), (3, 1, 'cleo'),
        (4, 2, 'ann'), (5, 3, 'bob')",
    "INSERT INTO vote (choice, ballot) VALUES (1, 1), (2, 2), (1, 3), (3, 4), (4, 4), (6, 5)",
];
