//! The questions, their choices, and when they are open.

use std::time::{SystemTime, UNIX_EPOCH};

use newleaf_sdk::{
    Error,
    sql::{self, Row},
};

use crate::{
    draft::{Draft, Kind, Results},
    secret,
};

/// The data schema this version writes, as `manifest.json` says.
const SCHEMA: i64 = 1;

/// The most polls that are kept.
const MAX_POLLS: i64 = 1000;

/// One poll.
#[derive(Debug, Clone, Default)]
pub(crate) struct Poll {
    pub(crate) id: i64,
    /// Its name in addresses.
    pub(crate) name: String,
    pub(crate) question: String,
    pub(crate) note: String,
    pub(crate) kind: Kind,
    pub(crate) results: Results,
    /// When it closes by itself, in seconds since 1970.
    pub(crate) closes: Option<i64>,
    /// Whether it was closed by hand.
    pub(crate) shut: bool,
    /// Digest of the secret that looks after it.
    pub(crate) keeper: String,
    pub(crate) choices: Vec<Choice>,
}

/// One choice of a poll.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) id: i64,
    pub(crate) text: String,
}

/// A poll that was just made: the only time its secret is at hand.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) name: String,
    pub(crate) secret: String,
}

impl Poll {
    /// Whether it takes votes at `now`.
    pub(crate) fn is_open(&self, now: i64) -> bool {
        !self.shut && self.closes.is_none_or(|closes| now < closes)
    }

    /// Whether `secret` is the one of who made it.
    pub(crate) fn is_kept_by(&self, secret: &str) -> bool {
        secret::same(&self.keeper, &secret::digest(secret))
    }
}

/// Makes the tables of an empty database.
pub(crate) fn create_tables() -> Result<(), Error> {
    sql::transaction(|| {
        sql::execute_all(&[
            "CREATE TABLE poll (
                id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, keeper TEXT NOT NULL,
                question TEXT NOT NULL, note TEXT NOT NULL, kind TEXT NOT NULL,
                results TEXT NOT NULL, closes INTEGER, shut INTEGER NOT NULL DEFAULT 0)",
            "CREATE TABLE choice (
                id INTEGER PRIMARY KEY, poll INTEGER NOT NULL REFERENCES poll(id) ON DELETE CASCADE,
                text TEXT NOT NULL)",
            "CREATE INDEX choice_poll ON choice (poll)",
            // A browser's mark can have one ballot in a poll, whatever comes at the same time.
            "CREATE TABLE ballot (
                id INTEGER PRIMARY KEY, poll INTEGER NOT NULL REFERENCES poll(id) ON DELETE CASCADE,
                mark TEXT NOT NULL, UNIQUE (poll, mark))",
            "CREATE TABLE vote (
                choice INTEGER NOT NULL REFERENCES choice(id) ON DELETE CASCADE,
                ballot INTEGER NOT NULL REFERENCES ballot(id) ON DELETE CASCADE,
                PRIMARY KEY (choice, ballot)) WITHOUT ROWID",
            "CREATE INDEX vote_ballot ON vote (ballot)",
            "PRAGMA user_version = 1",
        ])
    })
}

/// Whether the data is there and of this version's schema.
pub(crate) fn check() -> Result<(), Error> {
    let rows = sql::query("PRAGMA user_version", &[])?;
    let found = rows.first().map_or(Ok(0), |row| row.integer(0))?;
    if found != SCHEMA {
        return Err(Error::Failed(format!("the data has schema {found}, but {SCHEMA} is needed")));
    }
    let tables =
        ["poll", "choice", "ballot", "vote"].map(|table| format!("EXISTS (SELECT 1 FROM {table})"));
    sql::query(&format!("SELECT {}", tables.join(", ")), &[]).map(|_| ())
}

/// Now, in seconds since 1970; what a poll's closing time is compared with.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Makes a poll; none where there are too many.
pub(crate) fn make(draft: &Draft, closes: Option<i64>) -> Result<Option<Made>, Error> {
    let made = Made { name: secret::random().chars().take(12).collect(), secret: secret::random() };
    sql::transaction(|| {
        let rows = sql::query(
            "INSERT INTO poll (name, keeper, question, note, kind, results, closes)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE (SELECT count(*) FROM poll) < ?8
             RETURNING id",
            &[
                made.name.as_str().into(),
                secret::digest(&made.secret).into(),
                draft.question.as_str().into(),
                draft.note.as_str().into(),
                draft.kind.as_str().into(),
                draft.results.as_str().into(),
                closes.into(),
                MAX_POLLS.into(),
            ],
        )?;
        let Some(row) = rows.first() else { return Ok(None) };
        let id = row.integer(0)?;
        for text in &draft.choices {
            let values = [id.into(), text.as_str().into()];
            sql::execute("INSERT INTO choice (poll, text) VALUES (?1, ?2)", &values)?;
        }
        Ok(Some(made))
    })
}

/// The poll called `name`, with its choices.
pub(crate) fn get(name: &str) -> Result<Option<Poll>, Error> {
    let rows = sql::query(
        "SELECT id, name, question, note, kind, results, coalesce(closes, 0), shut, keeper
         FROM poll WHERE name = ?1",
        &[name.into()],
    )?;
    let Some(row) = rows.first() else { return Ok(None) };
    let mut poll = read(row)?;
    let rows =
        sql::query("SELECT id, text FROM choice WHERE poll = ?1 ORDER BY id", &[poll.id.into()])?;
    let choice = |row: &Row| Ok(Choice { id: row.integer(0)?, text: row.text(1)?.to_owned() });
    poll.choices = rows.iter().map(choice).collect::<Result<_, Error>>()?;
    Ok(Some(poll))
}

/// Closes a poll by hand.
pub(crate) fn shut(id: i64) -> Result<(), Error> {
    sql::execute("UPDATE poll SET shut = 1 WHERE id = ?1", &[id.into()]).map(|_| ())
}

/// Opens a poll again, until `closes`.
pub(crate) fn open(id: i64, closes: Option<i64>) -> Result<(), Error> {
    let statement = "UPDATE poll SET shut = 0, closes = ?2 WHERE id = ?1";
    sql::execute(statement, &[id.into(), closes.into()]).map(|_| ())
}

/// Removes a poll with all its votes.
pub(crate) fn delete(id: i64) -> Result<(), Error> {
    sql::execute("DELETE FROM poll WHERE id = ?1", &[id.into()]).map(|_| ())
}

fn read(row: &Row) -> Result<Poll, Error> {
    Ok(Poll {
        id: row.integer(0)?,
        name: row.text(1)?.to_owned(),
        question: row.text(2)?.to_owned(),
        note: row.text(3)?.to_owned(),
        kind: Kind::parse(row.text(4)?),
        results: Results::parse(row.text(5)?),
        closes: Some(row.integer(6)?).filter(|closes| *closes != 0),
        shut: row.integer(7)? != 0,
        keeper: row.text(8)?.to_owned(),
        choices: Vec::new(),
    })
}
