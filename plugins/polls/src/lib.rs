//! Polls: anonymous votes under a secret link, as server-rendered pages.
//!
//! Pure, with tests of their own: `draft` (what makes a poll), `voter` (cookies and tokens), `csv`,
//! `time`, `page` (HTML). Data: `poll` (questions) and `vote` (ballots, counts). `route` decides
//! which of them a request is for; `secret` makes what nobody may guess.

mod csv;
mod draft;
mod page;
mod poll;
mod route;
mod secret;
mod time;
mod vote;
mod voter;

use newleaf_sdk::{App, Error, Request, Response};

struct Polls;

newleaf_sdk::app!(Polls);

impl App for Polls {
    fn handle(request: &Request) -> Response {
        route::handle(request)
    }

    fn init() -> Result<(), Error> {
        poll::create_tables()
    }

    fn health() -> Result<(), Error> {
        poll::check()
    }
}
