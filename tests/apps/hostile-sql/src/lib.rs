//! A hostile app: it runs any SQL it is given.

use newleaf_sdk::{App, Request, Response, sql};

struct Sql;

newleaf_sdk::app!(Sql);

impl App for Sql {
    fn handle(request: &Request) -> Response {
        let statement = String::from_utf8_lossy(request.body());
        match request.path() {
            "/" => Response::text("well"),
            "/run" => run(&statement),
            "/again" => loop {
                // Each one is charged as it is used, however short it looks.
                if let Err(error) = sql::query(&statement, &[]) {
                    return refused(&error);
                }
            },
            _ => Response::text("There is nothing here.\n").with_status(404),
        }
    }
}

/// Statements one after another, parted by lines that hold `;` alone.
fn run(statements: &str) -> Response {
    let mut said = String::new();
    for statement in statements.split("\n;\n") {
        match sql::query(statement, &[]) {
            Ok(rows) => said = format!("done: {} rows", rows.len()),
            Err(error) => return refused(&error),
        }
    }
    Response::text(said)
}

fn refused(error: &newleaf_sdk::Error) -> Response {
    Response::text(format!("refused: {error:?}")).with_status(403)
}
