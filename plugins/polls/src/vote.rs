//! The votes: cast in one transaction each, counted from the rows themselves, so that no counter
//! can drift from what was cast.

use newleaf_sdk::{Error, sql};

use crate::poll::{Poll, now};

/// What came of a vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cast {
    /// It is this browser's first.
    Counted,
    /// It stands in the place of the one before.
    Changed,
    /// The poll was closed before it came.
    Closed,
}

/// The votes of a poll.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Browsers that voted.
    pub(crate) voters: i64,
    /// Votes of each choice, in the order of the choices.
    pub(crate) votes: Vec<i64>,
}

/// Casts the vote of the browser `mark` for the choices with these ids, which are the poll's.
pub(crate) fn cast(poll: &Poll, mark: &str, choices: &[i64]) -> Result<Cast, Error> {
    sql::transaction(|| {
        // Asked again under the lock: the poll may have been closed, or removed, since it was read.
        let open = sql::query(
            "SELECT 1 FROM poll WHERE id = ?1 AND shut = 0
             AND (closes IS NULL OR closes > ?2)",
            &[poll.id.into(), now().into()],
        )?;
        if open.is_empty() {
            return Ok(Cast::Closed);
        }
        let known = ballot(poll.id, mark)?;
        let (id, cast) = match known {
            Some(id) => (id, Cast::Changed),
            None => (new_ballot(poll.id, mark)?, Cast::Counted),
        };
        sql::execute("DELETE FROM vote WHERE ballot = ?1", &[id.into()])?;
        for choice in choices {
            let values = [(*choice).into(), id.into()];
            sql::execute("INSERT INTO vote (choice, ballot) VALUES (?1, ?2)", &values)?;
        }
        Ok(cast)
    })
}

fn ballot(poll: i64, mark: &str) -> Result<Option<i64>, Error> {
    let values = [poll.into(), mark.into()];
    let rows = sql::query("SELECT id FROM ballot WHERE poll = ?1 AND mark = ?2", &values)?;
    rows.first().map(|row| row.integer(0)).transpose()
}

fn new_ballot(poll: i64, mark: &str) -> Result<i64, Error> {
    let values = [poll.into(), mark.into()];
    let rows = sql::query("INSERT INTO ballot (poll, mark) VALUES (?1, ?2) RETURNING id", &values)?;
    rows.first().map_or_else(
        || Err(Error::Failed("the ballot was not stored".to_owned())),
        |row| row.integer(0),
    )
}

/// The choices of the browser `mark`; empty where it has not voted.
pub(crate) fn of(poll: &Poll, mark: &str) -> Result<Vec<i64>, Error> {
    let rows = sql::query(
        "SELECT choice FROM vote JOIN ballot ON ballot.id = vote.ballot
         WHERE ballot.poll = ?1 AND ballot.mark = ?2",
        &[poll.id.into(), mark.into()],
    )?;
    rows.iter().map(|row| row.integer(0)).collect()
}

/// Counts the votes.
pub(crate) fn count(poll: &Poll) -> Result<Tally, Error> {
    // One statement, so that voters and votes are of the same moment.
    let rows = sql::query(
        "SELECT (SELECT count(*) FROM ballot WHERE poll = ?1),
            (SELECT count(*) FROM vote WHERE vote.choice = choice.id)
         FROM choice WHERE poll = ?1 ORDER BY choice.id",
        &[poll.id.into()],
    )?;
    let votes = rows.iter().map(|row| row.integer(1)).collect::<Result<_, _>>()?;
    let voters = rows.first().map_or(Ok(0), |row| row.integer(0))?;
    Ok(Tally { voters, votes })
}
