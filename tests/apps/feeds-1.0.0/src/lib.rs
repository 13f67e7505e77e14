//! Feeds 1.0.0: adds feeds, fetches them, lists and shows their entries. Kept to test updates.
//!
//! What reads and cleans documents is the newest version's; tables and pages are this one's own.
#![expect(dead_code, unused_imports, reason = "the newest version uses more of what is shared")]

#[path = "../../../../plugins/feeds/src/address.rs"]
mod address;
#[path = "../../../../plugins/feeds/src/clean/mod.rs"]
mod clean;
#[path = "../../../../plugins/feeds/src/feed.rs"]
mod feed;
mod item;
#[path = "../../../../plugins/feeds/src/outbound.rs"]
mod outbound;
#[path = "../../../../plugins/feeds/src/pace.rs"]
mod pace;
mod page;
#[path = "../../../../plugins/feeds/src/parse/mod.rs"]
mod parse;
#[path = "../../../../plugins/feeds/src/refresh.rs"]
mod refresh;
mod schema;

use newleaf_sdk::{App, Error, Jobs, Request, Response};

struct Feeds;

newleaf_sdk::app!(Feeds);
newleaf_sdk::jobs!(Feeds);

impl App for Feeds {
    fn handle(request: &Request) -> Response {
        let posted = !matches!(request.method(), "GET" | "HEAD");
        let site = request.header("sec-fetch-site");
        if posted && matches!(site, Some("cross-site" | "same-site")) {
            return page::problem(request, 403, "This form was sent from another site.");
        }
        answer(request).unwrap_or_else(|error| {
            newleaf_sdk::log::error(&format!("{} {}: {error}", request.method(), request.path()));
            page::problem(request, 500, "Your feeds cannot be reached right now.")
        })
    }

    fn init() -> Result<(), Error> {
        schema::create()
    }

    fn health() -> Result<(), Error> {
        schema::check()
    }
}

impl Jobs for Feeds {
    fn run(_job: &str) -> Result<(), Error> {
        refresh::all_due(std::time::Duration::from_mins(1)).map(|_| ())
    }
}

fn answer(request: &Request) -> Result<Response, Error> {
    match (request.method(), request.segments().as_slice()) {
        ("GET" | "HEAD", []) => Ok(page::list(request, &feed::list()?, &item::list()?)),
        ("GET" | "HEAD", ["style.css"]) => Ok(page::style()),
        ("POST", ["feeds"]) => add(request),
        ("POST", ["feeds", id, "fetch"]) => {
            if let Some(feed) = id.parse().ok().map(feed::get).transpose()?.flatten() {
                refresh::one(&feed)?;
            }
            Ok(Response::see_other(&request.link("/")))
        }
        ("POST", ["feeds", id, "delete"]) => {
            feed::delete(id.parse().unwrap_or_default())?;
            Ok(Response::see_other(&request.link("/")))
        }
        ("GET" | "HEAD", ["entries", id]) => open(request, id),
        _ => Ok(page::problem(request, 404, "There is no such page.")),
    }
}

fn add(request: &Request) -> Result<Response, Error> {
    let form = request.form();
    let address = match address::parse(form.get("address").unwrap_or_default()) {
        Ok(address) => address,
        Err(why) => return Ok(page::problem(request, 422, why)),
    };
    if let feed::Added::New(id) = feed::add(address.as_str(), "")?
        && let Some(feed) = feed::get(id)?
    {
        refresh::one(&feed)?;
    }
    Ok(Response::see_other(&request.link("/")))
}

fn open(request: &Request, id: &str) -> Result<Response, Error> {
    let Some(found) = id.parse().ok().map(item::get).transpose()?.flatten() else {
        return Ok(page::problem(request, 404, "There is no such entry."));
    };
    item::set_read(found.id)?;
    Ok(page::item(request, &found))
}
