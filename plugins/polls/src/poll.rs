//! The questions, their choices, when they are open, and when they go.

use std::time::{SystemTime, UNIX_EPOCH};

use newleaf_sdk::{
    Error,
    sql::{self, Row},
};

use crate::{
    draft::{Draft, Kind, Results, Terms},
    kept::Kept,
    life::Life,
    secret,
};

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
    pub(crate) life: Life,
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
    /// Whether `secret` is the one of who made it.
    pub(crate) fn is_kept_by(&self, secret: &str) -> bool {
        secret::same(&self.keeper, &secret::digest(secret))
    }
}

/// Now, in seconds since 1970; what a poll's closing time is compared with.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Makes a poll; none where there are too many.
pub(crate) fn make(draft: &Draft, terms: Terms) -> Result<Option<Made>, Error> {
    let made = Made { name: secret::random().chars().take(12).collect(), secret: secret::random() };
    sql::transaction(|| {
        let rows = sql::query(
            "INSERT INTO poll (name, keeper, question, note, kind, results, closes, kept)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE (SELECT count(*) FROM poll) < ?9
             RETURNING id",
            &[
                made.name.as_str().into(),
                secret::digest(&made.secret).into(),
                draft.question.as_str().into(),
                draft.note.as_str().into(),
                draft.kind.as_str().into(),
                draft.results.as_str().into(),
                terms.closes.into(),
                terms.kept.days().into(),
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

/// Makes a poll that asks the same under the same rules, without votes, under a secret of its own
/// and open until it is closed by hand; none where there are too many.
pub(crate) fn again(poll: &Poll) -> Result<Option<Made>, Error> {
    let draft = Draft {
        question: poll.question.clone(),
        note: poll.note.clone(),
        choices: poll.choices.iter().map(|choice| choice.text.clone()).collect(),
        kind: poll.kind,
        results: poll.results,
        ..Draft::default()
    };
    make(&draft, Terms { closes: None, kept: poll.life.kept })
}

/// The poll called `name`, with its choices.
pub(crate) fn get(name: &str) -> Result<Option<Poll>, Error> {
    let statement = format!(
        "SELECT {LIFE}, id, name, question, note, kind, results, keeper FROM poll WHERE name = ?1"
    );
    let rows = sql::query(&statement, &[name.into()])?;
    let Some(row) = rows.first() else { return Ok(None) };
    let mut poll = read(row)?;
    let rows =
        sql::query("SELECT id, text FROM choice WHERE poll = ?1 ORDER BY id", &[poll.id.into()])?;
    let choice = |row: &Row| Ok(Choice { id: row.integer(0)?, text: row.text(1)?.to_owned() });
    poll.choices = rows.iter().map(choice).collect::<Result<_, Error>>()?;
    Ok(Some(poll))
}

/// Closes a poll by hand. The days of one that is closed already go on from when it closed.
pub(crate) fn shut(id: i64) -> Result<(), Error> {
    sql::execute(
        "UPDATE poll SET shut = 1, shut_at = ?2
         WHERE id = ?1 AND shut = 0 AND (closes IS NULL OR closes > ?2)",
        &[id.into(), now().into()],
    )
    .map(|_| ())
}

/// Opens a poll again, until `closes`.
pub(crate) fn open(id: i64, closes: Option<i64>) -> Result<(), Error> {
    let statement = "UPDATE poll SET shut = 0, shut_at = NULL, closes = ?2 WHERE id = ?1";
    sql::execute(statement, &[id.into(), closes.into()]).map(|_| ())
}

/// Sets how long a poll stays after it closed.
pub(crate) fn keep(id: i64, kept: Kept) -> Result<(), Error> {
    let values = [id.into(), kept.days().into()];
    sql::execute("UPDATE poll SET kept = ?2 WHERE id = ?1", &values).map(|_| ())
}

/// Removes a poll with all its votes.
pub(crate) fn delete(id: i64) -> Result<(), Error> {
    sql::execute("DELETE FROM poll WHERE id = ?1", &[id.into()]).map(|_| ())
}

/// Removes all polls whose days are over, with their votes, and gives their number.
pub(crate) fn delete_due() -> Result<usize, Error> {
    // One transaction, so that none goes that is opened, or kept for longer, in the meantime.
    sql::transaction(|| {
        let now = now();
        let mut deleted = 0;
        // Without the texts, which could be more than the host gives at once.
        for row in sql::query(&format!("SELECT {LIFE}, id FROM poll WHERE kept > 0"), &[])? {
            if life(&row)?.is_due(now) {
                delete(row.integer(4)?)?;
                deleted += 1;
            }
        }
        Ok(deleted)
    })
}

/// The first columns of a row, as [`life`] takes them.
const LIFE: &str = "coalesce(closes, 0), shut, coalesce(shut_at, 0), kept";

fn life(row: &Row) -> Result<Life, Error> {
    let instant = |column| Ok::<_, Error>(Some(row.integer(column)?).filter(|at| *at != 0));
    Ok(Life {
        closes: instant(0)?,
        shut: row.integer(1)? != 0,
        shut_at: instant(2)?,
        kept: Kept::stored(row.integer(3)?),
    })
}

fn read(row: &Row) -> Result<Poll, Error> {
    Ok(Poll {
        life: life(row)?,
        id: row.integer(4)?,
        name: row.text(5)?.to_owned(),
        question: row.text(6)?.to_owned(),
        note: row.text(7)?.to_owned(),
        kind: Kind::parse(row.text(8)?),
        results: Results::parse(row.text(9)?),
        keeper: row.text(10)?.to_owned(),
        choices: Vec::new(),
    })
}
