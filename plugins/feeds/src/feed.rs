//! The feeds that are read: their addresses, and how the last looks at them went.

use newleaf_sdk::{
    Error,
    sql::{self, Row},
};

use crate::{outbound::Validators, pace};

/// The most feeds that are kept.
pub(crate) const MAX_FEEDS: i64 = 200;

/// One feed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Feed {
    pub(crate) id: i64,
    pub(crate) address: String,
    /// Plain text; empty before the first successful look.
    pub(crate) title: String,
    pub(crate) site: String,
    pub(crate) validators: Validators,
    /// When it is looked at next, in seconds since 1970.
    pub(crate) next: i64,
    /// Looks in a row that failed.
    pub(crate) failures: i64,
    /// Why the last one failed; empty where it did not.
    pub(crate) problem: String,
    /// What a person can do about it.
    pub(crate) advice: String,
    /// The last successful look; 0 for none.
    pub(crate) fetched: i64,
    pub(crate) entries: i64,
    pub(crate) unread: i64,
}

impl Feed {
    /// What it is called; before it has said so itself, its address without the scheme.
    pub(crate) fn name(&self) -> &str {
        if self.title.is_empty() {
            self.address.split_once("://").map_or(&self.address, |(_, rest)| rest)
        } else {
            &self.title
        }
    }
}

/// What came of adding an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    /// It has this id now.
    New(i64),
    /// It was there already.
    Known(i64),
    /// There are [`MAX_FEEDS`] already.
    Full,
}

const COLUMNS: &str = "feed.id, address, feed.title, site, etag, modified, next, failures, problem,
    advice, fetched, (SELECT count(*) FROM item WHERE item.feed = feed.id),
    (SELECT count(*) FROM item WHERE item.feed = feed.id AND read = 0)";

/// All feeds by name.
pub(crate) fn list() -> Result<Vec<Feed>, Error> {
    let statement = format!(
        "SELECT {COLUMNS} FROM feed
         ORDER BY lower(CASE title WHEN '' THEN address ELSE title END), id"
    );
    sql::query(&statement, &[])?.iter().map(read).collect()
}

/// The feed `id`.
pub(crate) fn get(id: i64) -> Result<Option<Feed>, Error> {
    let statement = format!("SELECT {COLUMNS} FROM feed WHERE id = ?1");
    sql::query(&statement, &[id.into()])?.first().map(read).transpose()
}

/// The feed whose turn is the longest past at `now`.
pub(crate) fn due(now: i64) -> Result<Option<Feed>, Error> {
    let statement =
        format!("SELECT {COLUMNS} FROM feed WHERE next <= ?1 ORDER BY next, id LIMIT 1");
    sql::query(&statement, &[now.into()])?.first().map(read).transpose()
}

/// Adds an address, unless it is there.
pub(crate) fn add(address: &str, title: &str) -> Result<Added, Error> {
    sql::transaction(|| {
        let known = sql::query("SELECT id FROM feed WHERE address = ?1", &[address.into()])?;
        if let Some(row) = known.first() {
            return Ok(Added::Known(row.integer(0)?));
        }
        let rows = sql::query(
            "INSERT INTO feed (address, title) SELECT ?1, ?2
             WHERE (SELECT count(*) FROM feed) < ?3 RETURNING id",
            &[address.into(), title.into(), MAX_FEEDS.into()],
        )?;
        rows.first().map_or(Ok(Added::Full), |row| row.integer(0).map(Added::New))
    })
}

/// Removes a feed with its entries.
pub(crate) fn delete(id: i64) -> Result<(), Error> {
    sql::execute("DELETE FROM feed WHERE id = ?1", &[id.into()]).map(|_| ())
}

/// Makes every feed due, as if its time had come.
pub(crate) fn hurry() -> Result<(), Error> {
    sql::execute("UPDATE feed SET next = 0", &[]).map(|_| ())
}

/// Notes, before a look, that it failed: a look that is cut off (by a limit, an update, a loss of
/// power) is then one that failed, and the feed after it has its turn.
pub(crate) fn begin(feed: &Feed, now: i64) -> Result<(), Error> {
    let problem = "The last look was cut off before it ended.";
    fail(feed, now, problem, "", None)
}

/// Notes a look that failed.
pub(crate) fn fail(
    feed: &Feed,
    now: i64,
    problem: &str,
    advice: &str,
    retry_after: Option<i64>,
) -> Result<(), Error> {
    let failures = feed.failures + 1;
    let next = now + pace::pause(failures, retry_after);
    sql::execute(
        "UPDATE feed SET failures = ?2, problem = ?3, advice = ?4, next = ?5 WHERE id = ?1",
        &[feed.id.into(), failures.into(), problem.into(), advice.into(), next.into()],
    )
    .map(|_| ())
}

/// Notes a look that found nothing changed.
pub(crate) fn unchanged(id: i64, now: i64) -> Result<(), Error> {
    sql::execute(
        "UPDATE feed SET failures = 0, problem = '', advice = '', next = ?2, fetched = ?3
         WHERE id = ?1",
        &[id.into(), (now + pace::pause(0, None)).into(), now.into()],
    )
    .map(|_| ())
}

/// Notes a look that brought a document. A feed without a title keeps the one it has.
pub(crate) fn succeed(
    id: i64,
    now: i64,
    title: &str,
    site: &str,
    validators: &Validators,
) -> Result<(), Error> {
    sql::execute(
        "UPDATE feed SET title = CASE ?2 WHEN '' THEN title ELSE ?2 END, site = ?3, etag = ?4,
            modified = ?5 WHERE id = ?1",
        &[
            id.into(),
            title.into(),
            site.into(),
            validators.etag.as_deref().unwrap_or_default().into(),
            validators.modified.as_deref().unwrap_or_default().into(),
        ],
    )?;
    unchanged(id, now)
}

fn read(row: &Row) -> Result<Feed, Error> {
    let text = |column| row.text(column).map(ToOwned::to_owned);
    let some = |column| text(column).map(|text| Some(text).filter(|text| !text.is_empty()));
    Ok(Feed {
        id: row.integer(0)?,
        address: text(1)?,
        title: text(2)?,
        site: text(3)?,
        validators: Validators { etag: some(4)?, modified: some(5)? },
        next: row.integer(6)?,
        failures: row.integer(7)?,
        problem: text(8)?,
        advice: text(9)?,
        fetched: row.integer(10)?,
        entries: row.integer(11)?,
        unread: row.integer(12)?,
    })
}
