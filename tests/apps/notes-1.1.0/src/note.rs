//! The data: notes, each with its tags as one text, parted by commas.

use newleaf_sdk::{
    Error,
    sql::{self, Row},
};

/// The data schema this version writes, as `manifest.json` says.
const SCHEMA: i64 = 1;

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

/// Makes the table of an empty database.
pub(crate) fn create_tables() -> Result<(), Error> {
    sql::transaction(|| {
        sql::execute_all(&[
            "CREATE TABLE note (
                id INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT NOT NULL,
                tags TEXT NOT NULL DEFAULT '', changed INTEGER NOT NULL DEFAULT (unixepoch()))",
            "PRAGMA user_version = 1",
        ])
    })
}

/// There is no older schema to come from.
pub(crate) fn migrate(from: u32, to: u32) -> Result<(), Error> {
    if schema()? == i64::from(to) {
        return Ok(());
    }
    Err(Error::Failed(format!("notes have no migration from schema {from} to {to}")))
}

/// Whether the data is there and of this version's schema.
pub(crate) fn check() -> Result<(), Error> {
    let found = schema()?;
    if found != SCHEMA {
        return Err(Error::Failed(format!("the data has schema {found}, but {SCHEMA} is needed")));
    }
    sql::query("SELECT count(tags) FROM note", &[]).map(|_| ())
}

fn schema() -> Result<i64, Error> {
    let rows = sql::query("PRAGMA user_version", &[])?;
    rows.first().map_or(Ok(0), |row| row.integer(0))
}

/// The notes that fit `filter`, the latest changed first.
pub(crate) fn list(filter: &Filter) -> Result<Vec<Note>, Error> {
    let rows = sql::query(
        "SELECT id, title, body, tags FROM note
         WHERE ?1 = '' OR title LIKE ?1 ESCAPE '\\' OR body LIKE ?1 ESCAPE '\\'
            OR tags LIKE ?1 ESCAPE '\\'
         ORDER BY changed DESC, id DESC LIMIT ?2",
        &[pattern(&filter.words).into(), MAX_LIST.into()],
    )?;
    rows.iter().map(read).collect()
}

/// The note `id`.
pub(crate) fn get(id: i64) -> Result<Option<Note>, Error> {
    let rows = sql::query("SELECT id, title, body, tags FROM note WHERE id = ?1", &[id.into()])?;
    rows.first().map(read).transpose()
}

/// Stores a new note and gives its id.
pub(crate) fn create(note: &Note) -> Result<i64, Error> {
    let rows = sql::query(
        "INSERT INTO note (title, body, tags) VALUES (?1, ?2, ?3) RETURNING id",
        &[note.title.as_str().into(), note.body.as_str().into(), note.tags.join(", ").into()],
    )?;
    rows.first().map_or(Ok(0), |row| row.integer(0))
}

/// Stores `note` in place of the note `id`.
pub(crate) fn update(id: i64, note: &Note) -> Result<(), Error> {
    let (title, body) = (note.title.as_str().into(), note.body.as_str().into());
    sql::execute(
        "UPDATE note SET title = ?1, body = ?2, tags = ?3, changed = unixepoch() WHERE id = ?4",
        &[title, body, note.tags.join(", ").into(), id.into()],
    )
    .map(|_| ())
}

/// Removes the note `id`.
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
