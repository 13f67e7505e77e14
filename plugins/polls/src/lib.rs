//! Polls: anonymous votes under a secret link, as server-rendered pages.
//!
//! Pure, with tests of their own: `draft` (what makes a poll), `life` and `kept` (when it is open and
//! when it goes), `voter` (cookies and tokens), `csv`, `time`, `page` (HTML). Data: `schema` (tables),
//! `poll` (questions) and `vote` (ballots, counts). `route` decides which of them a request is for;
//! `secret` makes what nobody may guess.

mod csv;
mod draft;
mod kept;
mod life;
mod page;
mod poll;
mod route;
mod schema;
mod secret;
mod time;
mod vote;
mod voter;

use newleaf_sdk::{App, Error, Jobs, Request, Response};

struct Polls;

newleaf_sdk::app!(Polls);
newleaf_sdk::jobs!(Polls);

impl App for Polls {
    fn handle(request: &Request) -> Response {
        route::handle(request)
    }

    fn init() -> Result<(), Error> {
        schema::create()
    }

    fn migrate(from: u32, to: u32) -> Result<(), Error> {
        schema::migrate(from, to)
    }

    fn health() -> Result<(), Error> {
        schema::check()
    }
}

impl Jobs for Polls {
    fn run(job: &str) -> Result<(), Error> {
        if job != "delete-old" {
            return Err(Error::Failed(format!("polls have no job {job}")));
        }
        let deleted = poll::delete_due()?;
        if deleted > 0 {
            newleaf_sdk::log::info(&format!("{deleted} polls were deleted, their days being over"));
        }
        Ok(())
    }
}
