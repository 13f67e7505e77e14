//! The notes of a host: written and read through the app, or looked at in its database.

use std::time::Duration;

use super::Host;

/// What lies in the database of the notes app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotesData {
    /// How many notes there are.
    pub notes: u64,
    /// All their titles and texts, as one digest.
    pub digest: newleaf_domain::Digest,
    /// The columns of a note.
    pub columns: Vec<String>,
}

impl Host {
    /// Adds a note to the notes app.
    pub fn add_note(&self, title: &str, tags: &str) {
        let body = serde_json::json!({ "title": title, "body": "", "tags": tags }).to_string();
        let answer = self.post_json("/apps/acme/notes/api/notes", &body);
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    /// Puts so many notes into the database of notes 1.0.0, which may be serving.
    pub fn fill_notes(&self, notes: u64) {
        let mut database = self.notes_database();
        let change = database.transaction().unwrap();
        for number in 0..notes {
            let values =
                [format!("note {number}"), "some words of it".to_owned(), "a, b".to_owned()];
            let insert = "INSERT INTO note (title, body, tags) VALUES (?1, ?2, ?3)";
            change.execute(insert, values).unwrap();
        }
        change.commit().unwrap();
    }

    /// Takes the notes with this title out of the database of the notes app.
    pub fn forget_notes(&self, title: &str) {
        self.notes_database().execute("DELETE FROM note WHERE title = ?1", [title]).unwrap();
    }

    /// What lies in the database of the notes app, of whichever version.
    pub fn notes_data(&self) -> NotesData {
        let database = self.notes_database();
        let mut rows = database.prepare("SELECT id, title, body FROM note ORDER BY id").unwrap();
        let rows = rows.query_map([], |row| {
            let (id, title): (i64, String) = (row.get(0)?, row.get(1)?);
            Ok(format!("{id} {title} {}\n", row.get::<_, String>(2)?))
        });
        let rows = rows.unwrap().collect::<Result<Vec<_>, _>>().unwrap();
        let mut columns = database.prepare("SELECT name FROM pragma_table_info('note')").unwrap();
        let columns = columns.query_map([], |row| row.get(0)).unwrap();
        NotesData {
            notes: rows.len() as u64,
            digest: newleaf_domain::Digest::of(rows.concat().as_bytes()),
            columns: columns.collect::<Result<_, _>>().unwrap(),
        }
    }

    fn notes_database(&self) -> rusqlite::Connection {
        let path = self.dir.join("data/apps/acme/notes/app.db");
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
        let database = rusqlite::Connection::open_with_flags(path, flags).unwrap();
        database.busy_timeout(Duration::from_secs(10)).unwrap();
        database
    }

    /// How many notes the notes app has with this title.
    pub fn count_notes(&self, title: &str) -> u64 {
        let answer = self.get("/apps/acme/notes/api/notes");
        assert_eq!(answer.status, 200, "{}", answer.body);
        let notes: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        notes.as_array().unwrap().iter().filter(|note| note["title"] == title).count() as u64
    }
}
