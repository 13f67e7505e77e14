//! A hostile app: it has a lot to say.

use std::io::Write as _;

use newleaf_sdk::{App, Request, Response, log, sql};

struct Log;

newleaf_sdk::app!(Log);

impl App for Log {
    fn handle(request: &Request) -> Response {
        match request.path() {
            "/" => Response::text("well"),
            "/flood" => flood(),
            "/long" => long(),
            "/denied" => denied(),
            "/stderr" => stderr(),
            _ => Response::text("There is nothing here.\n").with_status(404),
        }
    }
}

fn flood() -> Response {
    for number in 0..20_000 {
        log::warning(&format!("flood {number}"));
    }
    Response::text("said")
}

/// Lines that forge other lines, move the cursor, and grow when they are made harmless.
fn long() -> Response {
    for _ in 0..20_000 {
        log::error(&"\u{1b}[2J\nERROR forged: all is lost\u{1}".repeat(200_000 / 32));
    }
    Response::text("said")
}

/// What the host tells of an app can be made a flood too.
fn denied() -> Response {
    for _ in 0..5_000 {
        drop(sql::execute("ATTACH DATABASE 'other.db' AS other", &[]));
    }
    Response::text("denied")
}

fn stderr() -> Response {
    let mut stderr = std::io::stderr();
    let line = "\u{1b}[2J a last word\n".repeat(1024);
    for _ in 0..1_000 {
        // Whether it is taken is the host's business.
        let _ = stderr.write_all(line.as_bytes());
    }
    panic!("{}", line.repeat(100));
}
