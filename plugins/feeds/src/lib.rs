//! Feeds: reads RSS, Atom and JSON Feed from the hosts it was granted, as server-rendered pages.
//!
//! Pure, with tests of their own: `parse` (documents), `clean` (safe HTML), `words` (search),
//! `opml`, `upload`, `address`, `filter`, `pace` (when to look again). Data: `schema`, `feed`,
//! `item`. Between them: `outbound` (one exchange), `refresh` (a look at a feed), `page` (HTML),
//! and this file, which decides which of them a request is for.

mod address;
mod clean;
mod feed;
mod filter;
mod item;
mod opml;
mod outbound;
mod pace;
mod page;
mod parse;
mod refresh;
mod route;
mod schema;
mod upload;
mod words;

use std::time::Duration;

use newleaf_sdk::{App, Error, Jobs, Request, Response};

/// How long one run of the schedule begins with further feeds.
const RUN: Duration = Duration::from_mins(1);

struct Feeds;

newleaf_sdk::app!(Feeds);
newleaf_sdk::jobs!(Feeds);

impl App for Feeds {
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

impl Jobs for Feeds {
    fn run(job: &str) -> Result<(), Error> {
        if job != "fetch" {
            return Err(Error::Failed(format!("feeds have no job {job}")));
        }
        // A feed that fails is its own affair: the page says why, and it is asked less often.
        let (looked, failed) = refresh::all_due(RUN)?;
        if failed > 0 {
            newleaf_sdk::log::info(&format!("{failed} of {looked} feeds could not be read"));
        }
        Ok(())
    }
}
