//! The entries, without stars and without an index of words.

use std::collections::HashMap;

use newleaf_sdk::{
    Error,
    sql::{self, Row},
};

/// One entry; `content` is safe HTML, empty in lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) id: i64,
    pub(crate) feed_name: String,
    pub(crate) link: String,
    pub(crate) title: String,
    pub(crate) author: String,
    pub(crate) summary: String,
    pub(crate) content: String,
    pub(crate) published: i64,
    pub(crate) read: bool,
}

/// An entry as it is to be stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) guid: String,
    pub(crate) version: i64,
    pub(crate) item: Item,
    pub(crate) text: String,
}

const COLUMNS: &str = "item.id, CASE feed.title WHEN '' THEN feed.address ELSE feed.title END,
    item.link, item.title, item.author, item.summary, item.published, item.read";

/// The newest entries.
pub(crate) fn list() -> Result<Vec<Item>, Error> {
    let statement = format!(
        "SELECT {COLUMNS} FROM item JOIN feed ON feed.id = item.feed
         ORDER BY item.published DESC, item.id DESC LIMIT 100"
    );
    sql::query(&statement, &[])?.iter().map(read).collect()
}

/// The entry `id` with its content.
pub(crate) fn get(id: i64) -> Result<Option<Item>, Error> {
    let statement = format!(
        "SELECT {COLUMNS}, item.content FROM item JOIN feed ON feed.id = item.feed
         WHERE item.id = ?1"
    );
    let rows = sql::query(&statement, &[id.into()])?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Item { content: row.text(8)?.to_owned(), ..read(row)? }))
}

/// Notes that an entry was read.
pub(crate) fn set_read(id: i64) -> Result<(), Error> {
    sql::execute("UPDATE item SET read = 1 WHERE id = ?1 AND read = 0", &[id.into()]).map(|_| ())
}

/// The guids of a feed's entries, each with its version.
pub(crate) fn versions(feed: i64) -> Result<HashMap<String, i64>, Error> {
    let rows = sql::query("SELECT guid, version FROM item WHERE feed = ?1", &[feed.into()])?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.integer(1)?))).collect()
}

/// Stores a new entry, or a new wording of a known one.
pub(crate) fn store(feed: i64, draft: &Draft) -> Result<(), Error> {
    let Draft { guid, version, item, .. } = draft;
    sql::execute(
        "INSERT INTO item (feed, guid, version, link, title, author, summary, content, published)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (feed, guid) DO UPDATE SET version = excluded.version, link = excluded.link,
            title = excluded.title, author = excluded.author, summary = excluded.summary,
            content = excluded.content",
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
    )
    .map(|_| ())
}

/// Removes what a feed has beyond its 200 newest entries.
pub(crate) fn prune(feed: i64) -> Result<(), Error> {
    sql::execute(
        "DELETE FROM item WHERE feed = ?1 AND id NOT IN
            (SELECT id FROM item WHERE feed = ?1 ORDER BY published DESC, id DESC LIMIT 200)",
        &[feed.into()],
    )
    .map(|_| ())
}

/// Makes room where the quota is used up: the oldest entries lose their texts.
pub(crate) fn make_room() -> Result<bool, Error> {
    let lost = sql::execute(
        "UPDATE item SET content = '' WHERE id IN (SELECT id FROM item WHERE content <> ''
            ORDER BY published, id LIMIT 100)",
        &[],
    )?;
    Ok(lost > 0)
}

fn read(row: &Row) -> Result<Item, Error> {
    Ok(Item {
        id: row.integer(0)?,
        feed_name: row.text(1)?.to_owned(),
        link: row.text(2)?.to_owned(),
        title: row.text(3)?.to_owned(),
        author: row.text(4)?.to_owned(),
        summary: row.text(5)?.to_owned(),
        content: String::new(),
        published: row.integer(6)?,
        read: row.integer(7)? != 0,
    })
}
