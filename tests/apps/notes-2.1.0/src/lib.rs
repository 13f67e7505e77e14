//! Notes whose migration fails, waits and breaks as its settings say. The JSON and the data are those
//! of notes 1.1.0; there are no pages.

#[path = "../../notes-1.1.0/src/api.rs"]
mod api;
#[path = "../../notes-1.1.0/src/note.rs"]
#[expect(dead_code, reason = "its pages and its migration are not taken over")]
mod note;

use std::time::Duration;

use newleaf_sdk::{App, Error, Request, Response, config, sql};

struct Notes;

newleaf_sdk::app!(Notes);

/// Rows that are changed in one transaction, so that a migration that fails leaves some changed.
const BATCH: i64 = 1_000;

impl App for Notes {
    fn handle(request: &Request) -> Response {
        match request.segments().as_slice() {
            ["break"] => panic!("as was asked for"),
            ["api", "notes", rest @ ..] => api::answer(request, rest)
                .unwrap_or_else(|error| Response::text(error.to_string()).with_status(500)),
            _ => Response::status(404),
        }
    }

    fn init() -> Result<(), Error> {
        note::create_tables()?;
        add_column()
    }

    fn migrate(from: u32, to: u32) -> Result<(), Error> {
        if (from, to) != (1, 2) {
            return Err(Error::Failed(format!("no migration from schema {from} to {to}")));
        }
        if let Some(seconds) = number("migrate_for") {
            std::thread::sleep(Duration::from_secs_f64(seconds));
        }
        refuse_a_title()?;
        add_column()?;
        count_words(number("fail_at_row"))
    }

    fn health() -> Result<(), Error> {
        sql::query("SELECT sum(words) FROM note", &[]).map(drop)
    }
}

/// A setting that is a number.
fn number(key: &str) -> Option<f64> {
    config::get(key)?.parse().ok()
}

fn refuse_a_title() -> Result<(), Error> {
    let Some(title) = config::get("fail_on_title") else { return Ok(()) };
    let found = sql::query("SELECT id FROM note WHERE title = ?1", &[title.as_str().into()])?;
    match found.first() {
        Some(row) => Err(Error::Failed(format!("note {} is called {title}", row.integer(0)?))),
        None => Ok(()),
    }
}

/// The version before may have left it, when it came back after a roll back.
fn add_column() -> Result<(), Error> {
    for column in sql::query("PRAGMA table_info(note)", &[])? {
        if column.text(1)? == "words" {
            return Ok(());
        }
    }
    sql::execute("ALTER TABLE note ADD COLUMN words INTEGER NOT NULL DEFAULT 0", &[]).map(drop)
}

/// Row after row, so that it takes its time and can fail in the middle.
#[expect(clippy::cast_precision_loss, reason = "some ten thousand rows")]
fn count_words(fail_at_row: Option<f64>) -> Result<(), Error> {
    let (mut after, mut row) = (0, 0_i64);
    loop {
        let last = sql::transaction(|| {
            let rows = sql::query(
                "SELECT id, body FROM note WHERE id > ?1 ORDER BY id LIMIT ?2",
                &[after.into(), BATCH.into()],
            )?;
            for one in &rows {
                row += 1;
                if fail_at_row == Some(row as f64) {
                    return Err(Error::Failed(format!("row {row} cannot be read")));
                }
                let words = i64::try_from(one.text(1)?.split_whitespace().count());
                let words = words.unwrap_or_default().into();
                sql::execute(
                    "UPDATE note SET words = ?1 WHERE id = ?2",
                    &[words, one.integer(0)?.into()],
                )?;
            }
            rows.last().map(|one| one.integer(0)).transpose()
        })?;
        match last {
            Some(id) => after = id,
            None => return Ok(()),
        }
    }
}
