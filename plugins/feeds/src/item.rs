//! The entries: what was read of them, what is starred, how they are found, how long they are kept.

use std::collections::HashMap;

use newleaf_sdk::{
    Error,
    sql::{self, Row, Value},
};

use crate::{
    filter::{Filter, Place, Show},
    words,
};

/// The entries of one page.
pub(crate) const PAGE: usize = 30;

/// The most entries of one feed that are kept; starred ones are kept beside them.
const KEPT: i64 = 200;

/// One entry; `content` is safe HTML, empty in lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) id: i64,
    pub(crate) feed: i64,
    pub(crate) feed_name: String,
    pub(crate) link: String,
    pub(crate) title: String,
    pub(crate) author: String,
    pub(crate) summary: String,
    pub(crate) content: String,
    pub(crate) published: i64,
    pub(crate) read: bool,
    pub(crate) starred: bool,
}

/// An entry as it is to be stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) guid: String,
    /// Tells one wording of the entry from another.
    pub(crate) version: i64,
    pub(crate) item: Item,
    /// All its words, for the search.
    pub(crate) text: String,
}

/// What the list pages need of an entry.
const COLUMNS: &str =
    "item.id, item.feed, CASE feed.title WHEN '' THEN feed.address ELSE feed.title END,
    item.link, item.title, item.author, item.summary, item.published, item.read,
    EXISTS (SELECT 1 FROM star WHERE star.item = item.id)";

/// The entries that fit `filter`, newest first, at most a page; true where more follow.
pub(crate) fn list(filter: &Filter) -> Result<(Vec<Item>, bool), Error> {
    let mut values: Vec<Value> = Vec::new();
    let mut conditions = conditions(filter, &mut values);
    if let Some(Place { published, id }) = filter.after {
        values.extend([published.into(), id.into()]);
        let last = values.len();
        conditions.push_str(" AND (item.published, item.id) < (?");
        conditions.push_str(&(last - 1).to_string());
        conditions.push_str(", ?");
        conditions.push_str(&last.to_string());
        conditions.push(')');
    }
    let statement = format!(
        "SELECT {COLUMNS} FROM item JOIN feed ON feed.id = item.feed WHERE {conditions}
         ORDER BY item.published DESC, item.id DESC LIMIT {}",
        PAGE + 1
    );
    let rows = sql::query(&statement, &values)?;
    let items = rows.iter().take(PAGE).map(read).collect::<Result<_, _>>()?;
    Ok((items, rows.len() > PAGE))
}

/// The conditions of a filter without its place, each with its value in `values`.
fn conditions(filter: &Filter, values: &mut Vec<Value>) -> String {
    let mut conditions = String::from(match filter.show {
        Show::Unread => "item.read = 0",
        Show::All => "1",
        Show::Starred => "item.id IN (SELECT item FROM star)",
    });
    if let Some(feed) = filter.feed {
        values.push(feed.into());
        conditions.push_str(" AND item.feed = ?");
        conditions.push_str(&values.len().to_string());
    }
    let sought = words::sought(&filter.words);
    for (at, word) in sought.iter().enumerate() {
        values.push(word.as_str().into());
        let number = values.len();
        // The last word may be unfinished.
        let fits = if at + 1 == sought.len() {
            format!("word >= ?{number} AND word < ?{number} || char(1114111)")
        } else {
            format!("word = ?{number}")
        };
        conditions.push_str(" AND item.id IN (SELECT item FROM term WHERE ");
        conditions.push_str(&fits);
        conditions.push(')');
    }
    conditions
}

/// The entry `id` with its content.
pub(crate) fn get(id: i64) -> Result<Option<Item>, Error> {
    let statement = format!(
        "SELECT {COLUMNS}, item.content FROM item JOIN feed ON feed.id = item.feed
         WHERE item.id = ?1"
    );
    let rows = sql::query(&statement, &[id.into()])?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Item { content: row.text(10)?.to_owned(), ..read(row)? }))
}

/// How many entries are unread, and how many starred.
pub(crate) fn counts() -> Result<(i64, i64), Error> {
    let rows = sql::query(
        "SELECT (SELECT count(*) FROM item WHERE read = 0), (SELECT count(*) FROM star)",
        &[],
    )?;
    rows.first().map_or(Ok((0, 0)), |row| Ok((row.integer(0)?, row.integer(1)?)))
}

/// Notes that an entry was read, or was not.
pub(crate) fn set_read(id: i64, read: bool) -> Result<(), Error> {
    let statement = "UPDATE item SET read = ?2 WHERE id = ?1 AND read <> ?2";
    sql::execute(statement, &[id.into(), i64::from(read).into()]).map(|_| ())
}

/// Gives an entry a star, or takes it away.
pub(crate) fn set_starred(id: i64, starred: bool) -> Result<(), Error> {
    let statement = if starred {
        "INSERT OR IGNORE INTO star (item) SELECT id FROM item WHERE id = ?1"
    } else {
        "DELETE FROM star WHERE item = ?1"
    };
    sql::execute(statement, &[id.into()]).map(|_| ())
}

/// Notes that every entry which fits `filter` was read, up to the entry `newest`: not what came
/// after the page was made.
pub(crate) fn read_all(filter: &Filter, newest: i64) -> Result<u64, Error> {
    let mut values: Vec<Value> = vec![newest.into()];
    let conditions = conditions(filter, &mut values);
    let statement =
        format!("UPDATE item SET read = 1 WHERE item.id <= ?1 AND read = 0 AND {conditions}");
    sql::execute(&statement, &values)
}

/// The entry that was stored last; 0 where there is none.
pub(crate) fn newest() -> Result<i64, Error> {
    let rows = sql::query("SELECT coalesce(max(id), 0) FROM item", &[])?;
    rows.first().map_or(Ok(0), |row| row.integer(0))
}

/// The guids of a feed's entries, each with its version.
pub(crate) fn versions(feed: i64) -> Result<HashMap<String, i64>, Error> {
    let rows = sql::query("SELECT guid, version FROM item WHERE feed = ?1", &[feed.into()])?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.integer(1)?))).collect()
}

/// Stores a new entry, or a new wording of a known one, which stays read and starred as it was.
pub(crate) fn store(feed: i64, draft: &Draft) -> Result<(), Error> {
    let Draft { guid, version, item, text } = draft;
    let rows = sql::query(
        "INSERT INTO item (feed, guid, version, link, title, author, summary, content, published)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (feed, guid) DO UPDATE SET version = excluded.version, link = excluded.link,
            title = excluded.title, author = excluded.author, summary = excluded.summary,
            content = excluded.content
         RETURNING id",
        &[
            feed.into(),
            guid.as_str().into(),
            (*version).into(),
            item.link.as_str().into(),
            item.title.as_str().into(),
            item.author.as_str().into(),
            item.summary.as_str().into(),
            item.content.as_str().into(),
            item.published.into(),
        ],
    )?;
    rows.first().map_or(Ok(()), |row| index(row.integer(0)?, text))
}

/// Makes the entry `id` findable by the words of `text`, and by no others.
pub(crate) fn index(id: i64, text: &str) -> Result<(), Error> {
    sql::execute("DELETE FROM term WHERE item = ?1", &[id.into()])?;
    let words: Vec<String> = words::indexed(text).into_iter().collect();
    let list = serde_json::to_string(&words).map_err(|error| Error::Failed(error.to_string()))?;
    sql::execute(
        "INSERT OR IGNORE INTO term (word, item) SELECT value, ?2 FROM json_each(?1)",
        &[list.into(), id.into()],
    )
    .map(|_| ())
}

/// Removes what a feed has beyond its newest entries.
pub(crate) fn prune(feed: i64) -> Result<(), Error> {
    sql::execute(
        "DELETE FROM item WHERE feed = ?1 AND id NOT IN (SELECT item FROM star) AND id NOT IN
            (SELECT id FROM item WHERE feed = ?1 ORDER BY published DESC, id DESC LIMIT ?2)",
        &[feed.into(), KEPT.into()],
    )
    .map(|_| ())
}

/// Makes room where the quota is used up: the oldest fifth of the entries that have no star keep
/// their headings and links, and lose their texts. True where there was something to lose.
pub(crate) fn make_room() -> Result<bool, Error> {
    const OLDEST: &str = "SELECT id FROM item WHERE content <> ''
        AND id NOT IN (SELECT item FROM star) ORDER BY published, id LIMIT (SELECT max(1, count(*) / 5) FROM item WHERE content <> '')";
    sql::transaction(|| {
        sql::execute(&format!("DELETE FROM term WHERE item IN ({OLDEST})"), &[])?;
        let lost =
            sql::execute(&format!("UPDATE item SET content = '' WHERE id IN ({OLDEST})"), &[])?;
        Ok(lost > 0)
    })
}

fn read(row: &Row) -> Result<Item, Error> {
    Ok(Item {
        id: row.integer(0)?,
        feed: row.integer(1)?,
        feed_name: row.text(2)?.to_owned(),
        link: row.text(3)?.to_owned(),
        title: row.text(4)?.to_owned(),
        author: row.text(5)?.to_owned(),
        summary: row.text(6)?.to_owned(),
        content: String::new(),
        published: row.integer(7)?,
        read: row.integer(8)? != 0,
        starred: row.integer(9)? != 0,
    })
}
