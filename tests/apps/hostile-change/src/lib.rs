//! A hostile app: the last part of its name says how it misbehaves when it is installed and updated.

use newleaf_sdk::{App, Error, Request, Response, config, sql};

struct Change;

newleaf_sdk::app!(Change);

/// Rows there are from the installation on.
const ROWS: i64 = 100;

impl App for Change {
    fn handle(request: &Request) -> Response {
        match (request.path(), schema(), name().as_str()) {
            ("/", Ok(2), "hostile-liar") => Response::text("no").with_status(500),
            ("/trap", Ok(2), "hostile-liar") => panic!("on purpose"),
            ("/rows", _, _) => rows(),
            (_, Ok(schema), _) => Response::text(format!("schema {schema}")),
            (_, Err(error), _) => Response::text(error.to_string()).with_status(503),
        }
    }

    fn init() -> Result<(), Error> {
        if name() == "hostile-init" {
            panic!("on purpose, in init");
        }
        sql::execute("CREATE TABLE kept (id INTEGER PRIMARY KEY, x BLOB)", &[])?;
        for _ in 0..ROWS {
            sql::execute("INSERT INTO kept (x) VALUES (randomblob(100))", &[])?;
        }
        sql::execute("PRAGMA user_version = 1", &[]).map(|_| ())
    }

    fn migrate(_from: u32, to: u32) -> Result<(), Error> {
        match name().as_str() {
            "hostile-migrate" => {
                sql::execute("DELETE FROM kept WHERE id > 50", &[])?;
                panic!("on purpose, in the middle of a migration");
            }
            "hostile-full" => fill()?,
            _ => {}
        }
        sql::execute(&format!("PRAGMA user_version = {to}"), &[]).map(|_| ())
    }

    fn health() -> Result<(), Error> {
        match (name().as_str(), schema()?) {
            ("hostile-health", 2) => panic!("on purpose, in health"),
            _ => Ok(()),
        }
    }
}

/// The last part of the app's name, which its address ends in.
fn name() -> String {
    config::base_path().rsplit('/').next().unwrap_or_default().to_owned()
}

fn schema() -> Result<i64, Error> {
    let found = sql::query("PRAGMA user_version", &[])?;
    found.first().map_or(Ok(0), |row| row.integer(0))
}

fn rows() -> Response {
    let counted = sql::query("SELECT count(*), coalesce(sum(length(x)), 0) FROM kept", &[]);
    match counted.and_then(|rows| Ok((rows[0].integer(0)?, rows[0].integer(1)?))) {
        Ok((rows, bytes)) => Response::text(format!("{rows} rows of {bytes} bytes")),
        Err(error) => Response::text(error.to_string()).with_status(503),
    }
}

/// Writes, each time for good, until there is no room left, not even for taking it back.
fn fill() -> Result<(), Error> {
    sql::execute("UPDATE kept SET x = zeroblob(10)", &[])?;
    loop {
        sql::execute("INSERT INTO kept (x) VALUES (randomblob(4000))", &[])?;
    }
}
