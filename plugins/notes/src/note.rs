//! The data: notes, their tags, and how both came to be stored as they are.

use newleaf_sdk::{
    Error,
    sql::{self, Row},
};

/// The data schema this version writes, as `manifest.json` says.
const SCHEMA: i64 = 2;

/// The longest title in characters.
pub(crate) const MAX_TITLE: usize = 200;

/// The longest body in bytes.
pub(crate) const MAX_BODY: usize = 256 * 1024;

/// The most notes on one page.
const MAX_LIST: i64 = 200;

/// One note; `id` is 0 before it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) id: i64,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) tags: Vec<String>,
}

/// Which notes are wanted; empty fields want all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub(crate) words: String,
    pub(crate) tag: String,
}

impl Note {
    /// What is wrong with the note, in a sentence for the person who wrote it.
    pub(crate) fn validate(&self) -> Result<(), &'static str> {
        if self.title.is_empty() {
            Err("Please give the note a title.")
        } else if self.title.chars().count() > MAX_TITLE {
            Err("The title is too long; it may have 200 characters.")
        } else if self.body.len() > MAX_BODY {
            Err("The note is too long; it may have 256 KiB.")
        } else {
            Ok(())
        }
    }
}

/// Makes the tables of an empty database.
pub(crate) fn create_tables() -> Result<(), Error> {
    sql::transaction(|| {
        sql::execute_all(&[
            "CREATE TABLE note (
                id INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT NOT NULL,
                changed INTEGER NOT NULL DEFAULT (unixepoch()))",
            CREATE_TAG,
            "PRAGMA user_version = 2",
        ])
    })
}

const CREATE_TAG: &str = "CREATE TABLE tag (
    note INTEGER NOT NULL REFERENCES note(id) ON DELETE CASCADE, name TEXT NOT NULL,
    PRIMARY KEY (note, name)) WITHOUT ROWID";

/// Brings older data to this version's schema. Done twice, the second time changes nothing.
pub(crate) fn migrate(from: u32, to: u32) -> Result<(), Error> {
    if schema()? == i64::from(to) {
        return Ok(());
    }
    match (from, to) {
        (1, 2) => sql::transaction(move_tags_to_their_table),
        _ => Err(Error::Failed(format!("notes have no migration from schema {from} to {to}"))),
    }
}

/// Schema 1 kept a note's tags as one text, parted by commas.
fn move_tags_to_their_table() -> Result<(), Error> {
    sql::execute(CREATE_TAG, &[])?;
    // In pages, so that any number of notes fits through the host's limits; and a page in two
    // statements, since visitors wait meanwhile.
    let mut after = 0;
    loop {
        let rows = sql::query(
            "SELECT id, tags FROM note WHERE id > ?1 ORDER BY id LIMIT 500",
            &[after.into()],
        )?;
        let Some(last) = rows.last() else { break };
        after = last.integer(0)?;
        let mut pairs = Vec::new();
        for row in &rows {
            let note = row.integer(0)?;
            pairs.extend(split_tags(row.text(1)?).into_iter().map(|tag| (note, tag)));
        }
        sql::execute(
            "INSERT OR IGNORE INTO tag (note, name)
             SELECT value ->> 0, value ->> 1 FROM json_each(?1)",
            &[serde_json::json!(pairs).to_string().into()],
        )?;
    }
    sql::execute_all(&["ALTER TABLE note DROP COLUMN tags", "PRAGMA user_version = 2"])
}

/// Whether the data is there and of this version's schema.
pub(crate) fn check() -> Result<(), Error> {
    let found = schema()?;
    if found != SCHEMA {
        return Err(Error::Failed(format!("the data has schema {found}, but {SCHEMA} is needed")));
    }
    sql::query("SELECT count(*) FROM note LEFT JOIN tag ON tag.note = note.id", &[]).map(|_| ())
}

fn schema() -> Result<i64, Error> {
    let rows = sql::query("PRAGMA user_version", &[])?;
    rows.first().map_or(Ok(0), |row| row.integer(0))
}

/// The notes that fit `filter`, the latest changed first.
pub(crate) fn list(filter: &Filter) -> Result<Vec<Note>, Error> {
    let rows = sql::query(
        "SELECT note.id, title, body, coalesce(group_concat(tag.name, ','), '') FROM note
         LEFT JOIN tag ON tag.note = note.id
         WHERE (?1 = '' OR title LIKE ?1 ESCAPE '\\' OR body LIKE ?1 ESCAPE '\\'
                OR EXISTS (SELECT 1 FROM tag WHERE note = note.id AND name LIKE ?1 ESCAPE '\\'))
           AND (?2 = '' OR EXISTS (SELECT 1 FROM tag WHERE note = note.id AND name = ?2))
         GROUP BY note.id ORDER BY changed DESC, note.id DESC LIMIT ?3",
        &[pattern(&filter.words).into(), filter.tag.as_str().into(), MAX_LIST.into()],
    )?;
    rows.iter().map(read).collect()
}

/// The note `id`.
pub(crate) fn get(id: i64) -> Result<Option<Note>, Error> {
    let rows = sql::query(
        "SELECT id, title, body,
            coalesce((SELECT group_concat(name, ',') FROM tag WHERE note = note.id), '')
         FROM note WHERE id = ?1",
        &[id.into()],
    )?;
    rows.first().map(read).transpose()
}

/// All tags with the number of their notes, the most used first.
pub(crate) fn tags() -> Result<Vec<(String, i64)>, Error> {
    let rows = sql::query(
        "SELECT name, count(*) AS uses FROM tag GROUP BY name ORDER BY uses DESC, name LIMIT 50",
        &[],
    )?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.integer(1)?))).collect()
}

/// Stores a new note and gives its id.
pub(crate) fn create(note: &Note) -> Result<i64, Error> {
    sql::transaction(|| {
        let rows = sql::query(
            "INSERT INTO note (title, body) VALUES (?1, ?2) RETURNING id",
            &[note.title.as_str().into(), note.body.as_str().into()],
        )?;
        let id = rows.first().map_or(Ok(0), |row| row.integer(0))?;
        insert_tags(id, &note.tags)?;
        Ok(id)
    })
}

/// Stores `note` in place of the note `id`.
pub(crate) fn update(id: i64, note: &Note) -> Result<(), Error> {
    sql::transaction(|| {
        sql::execute(
            "UPDATE note SET title = ?1, body = ?2, changed = unixepoch() WHERE id = ?3",
            &[note.title.as_str().into(), note.body.as_str().into(), id.into()],
        )?;
        sql::execute("DELETE FROM tag WHERE note = ?1", &[id.into()])?;
        insert_tags(id, &note.tags)
    })
}

/// Removes the note `id` with its tags.
pub(crate) fn delete(id: i64) -> Result<(), Error> {
    sql::execute("DELETE FROM note WHERE id = ?1", &[id.into()]).map(|_| ())
}

/// The tags in a text, parted by commas: trimmed, lower case, each once.
pub(crate) fn split_tags(text: &str) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for tag in text.split(',') {
        let tag: String = tag.trim().to_lowercase().chars().take(40).collect();
        if !tag.is_empty() && !tags.contains(&tag) && tags.len() < 20 {
            tags.push(tag);
        }
    }
    tags
}

fn insert_tags(note: i64, tags: &[String]) -> Result<(), Error> {
    for tag in tags {
        let values = [note.into(), tag.as_str().into()];
        sql::execute("INSERT OR IGNORE INTO tag (note, name) VALUES (?1, ?2)", &values)?;
    }
    Ok(())
}

fn read(row: &Row) -> Result<Note, Error> {
    Ok(Note {
        id: row.integer(0)?,
        title: row.text(1)?.to_owned(),
        body: row.text(2)?.to_owned(),
        tags: split_tags(row.text(3)?),
    })
}

/// A LIKE pattern that finds `words` anywhere, whatever characters they have; empty for none.
fn pattern(words: &str) -> String {
    let words = words.trim();
    if words.is_empty() {
        return String::new();
    }
    let literal = words.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{literal}%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_trimmed_lowered_and_kept_once() {
        assert_eq!(split_tags(" Home, work ,,home,ÄRZTE"), ["home", "work", "ärzte"]);
        assert!(split_tags(" , ").is_empty());
    }

    #[test]
    fn a_search_takes_wildcards_literally() {
        assert_eq!(pattern(" 100%_a\\b "), "%100\\%\\_a\\\\b%");
        assert_eq!(pattern("  "), "");
    }

    #[test]
    fn a_note_needs_a_title() {
        assert!(Note::default().validate().is_err());
        let long = Note { title: "x".repeat(MAX_TITLE + 1), ..Note::default() };
        assert!(long.validate().is_err());
    }
}
