//! Which page or deed a request is for. Only what is posted from this app's own pages changes
//! anything, but that an entry which is opened has been read.

use std::time::Duration;

use newleaf_sdk::{Error, Request, Response};

use crate::{
    address,
    feed::{self, Added, Feed},
    filter::Filter,
    item, opml,
    page::{self, Said},
    refresh, upload,
};

/// How long "Fetch all now" begins with further feeds; the schedule goes on where it ends.
const AT_ONCE: Duration = Duration::from_secs(15);

/// The largest list of feeds that is read.
const MAX_LIST: usize = 1024 * 1024;

/// Answers a request, whatever happens.
pub(crate) fn handle(request: &Request) -> Response {
    if !matches!(request.method(), "GET" | "HEAD") && request.comes_from_elsewhere() {
        return page::problem(request, 403, "This form was sent from another site.");
    }
    match answer(request) {
        Ok(response) => response,
        Err(Error::QuotaExceeded) => page::problem(
            request,
            507,
            "There is no room left. Remove feeds or stars that are no longer needed.",
        ),
        Err(error) => {
            let (method, path) = (request.method(), request.path());
            newleaf_sdk::log::error(&format!("{method} {path}: {error}"));
            let sentence = "Your feeds cannot be reached right now. Please try again.";
            page::problem(request, 500, sentence)
        }
    }
}

fn answer(request: &Request) -> Result<Response, Error> {
    let segments = request.segments();
    match (request.method(), segments.as_slice()) {
        ("GET" | "HEAD", []) => list(request),
        ("GET" | "HEAD", ["style.css"]) => Ok(page::style()),
        ("GET" | "HEAD", ["icon.svg"]) => Ok(page::icon()),
        ("GET" | "HEAD", ["feeds"]) => manage(request, &said(request)),
        ("GET" | "HEAD", ["feeds.opml"]) => export(),
        ("POST", ["feeds"]) => add(request),
        ("POST", ["fetch"]) => fetch_all(request),
        ("POST", ["opml"]) => import(request),
        ("POST", ["feeds", id, "fetch"]) => with_feed(request, id, |feed| {
            refresh::one(feed)?;
            Ok(Response::see_other(&request.link(&format!("/feeds#feed-{}", feed.id))))
        }),
        ("POST", ["feeds", id, "delete"]) => with_feed(request, id, |feed| {
            feed::delete(feed.id)?;
            Ok(Response::see_other(&request.link("/feeds?said=removed")))
        }),
        ("POST", ["read"]) => read_all(request),
        ("GET" | "HEAD", ["entries", id]) => open(request, id),
        ("POST", ["entries", id, deed]) => mark(request, id, deed),
        _ => Ok(page::problem(request, 404, "There is no such page.")),
    }
}

fn list(request: &Request) -> Result<Response, Error> {
    let filter = Filter::parse(request.query_string());
    let (items, more) = item::list(&filter)?;
    let feeds = feed::list()?;
    let shown = page::Shown {
        filter: &filter,
        items: &items,
        more,
        feeds: &feeds,
        counts: item::counts()?,
        newest: item::newest()?,
        now: refresh::now(),
    };
    Ok(page::list(request, &shown))
}

fn manage(request: &Request, said: &Said) -> Result<Response, Error> {
    Ok(page::feeds(request, &feed::list()?, said, refresh::now()))
}

/// What the address says that the last form did.
fn said(request: &Request) -> Said {
    let number = |name| request.query(name).and_then(|text| text.parse().ok()).unwrap_or(0);
    match request.query("said").as_deref() {
        Some("known") => Said::Done("That feed was here already."),
        Some("removed") => Said::Done("The feed is removed."),
        Some("fetched") => Said::Done("All feeds were fetched."),
        Some("fetching") => {
            Said::Done("Some feeds are still to be fetched; the schedule goes on with them.")
        }
        Some("imported") => Said::Imported { new: number("new"), of: number("of") },
        Some(_) | None => Said::Nothing,
    }
}

fn add(request: &Request) -> Result<Response, Error> {
    let form = request.form();
    let typed = form.get("address").unwrap_or_default();
    let wrong =
        |why: &str| Said::Wrong { typed: typed.chars().take(2000).collect(), why: why.to_owned() };
    let address = match address::parse(typed) {
        Ok(address) => address,
        Err(why) => return manage(request, &wrong(why)),
    };
    match feed::add(address.as_str(), "")? {
        Added::New(id) => {
            if let Some(feed) = feed::get(id)? {
                refresh::one(&feed)?;
            }
            Ok(Response::see_other(&request.link(&format!("/feeds#feed-{id}"))))
        }
        Added::Known(id) => {
            Ok(Response::see_other(&request.link(&format!("/feeds?said=known#feed-{id}"))))
        }
        Added::Full => manage(request, &wrong("There are 200 feeds already, which is the most.")),
    }
}

fn fetch_all(request: &Request) -> Result<Response, Error> {
    feed::hurry()?;
    refresh::all_due(AT_ONCE)?;
    let said = if feed::due(refresh::now())?.is_some() { "fetching" } else { "fetched" };
    Ok(Response::see_other(&request.link(&format!("/feeds?said={said}"))))
}

fn export() -> Result<Response, Error> {
    let feeds = feed::list()?.into_iter();
    let outlines = feeds.map(|feed| opml::Outline { title: feed.title, address: feed.address });
    let list = opml::write(&outlines.collect::<Vec<_>>());
    Ok(Response::of("text/x-opml; charset=utf-8", list)
        .header("content-disposition", "attachment; filename=\"feeds.opml\"")
        .header("x-content-type-options", "nosniff")
        .header("cache-control", "no-store"))
}

fn import(request: &Request) -> Result<Response, Error> {
    let kind = request.header("content-type").unwrap_or_default();
    let list = upload::field(request.body(), kind, "list").unwrap_or_default();
    let read = if list.len() > MAX_LIST {
        Err("it is larger than 1 MiB".to_owned())
    } else {
        opml::read(&String::from_utf8_lossy(list)).map_err(|error| error.to_string())
    };
    let outlines = match read {
        Ok(outlines) => outlines,
        Err(why) => {
            let why = format!("The list could not be read: {why}.");
            return manage(request, &Said::Wrong { typed: String::new(), why });
        }
    };
    let mut new = 0;
    for outline in &outlines {
        if let Ok(address) = address::parse(&outline.address)
            && let Added::New(_) = feed::add(address.as_str(), &outline.title)?
        {
            new += 1;
        }
    }
    let of = outlines.len();
    Ok(Response::see_other(&request.link(&format!("/feeds?said=imported&new={new}&of={of}"))))
}

fn read_all(request: &Request) -> Result<Response, Error> {
    let form = request.form();
    let filter = back(form.get("back").unwrap_or_default());
    let newest = form.get("newest").and_then(|id| id.parse().ok()).unwrap_or(0);
    item::read_all(&filter, newest)?;
    Ok(Response::see_other(&request.link(&format!("/{}", filter.query()))))
}

/// Shows an entry, which is read by that; not where a browser only looks ahead.
fn open(request: &Request, id: &str) -> Result<Response, Error> {
    let Some(mut found) = id.parse().ok().map(item::get).transpose()?.flatten() else {
        return Ok(page::problem(request, 404, "There is no such entry; it may have grown old."));
    };
    if request.method() == "GET" && !request.is_ahead() && !found.read {
        item::set_read(found.id, true)?;
        found.read = true;
    }
    let filter = Filter::parse(request.query_string());
    Ok(page::item(request, &filter, &found, refresh::now()))
}

fn mark(request: &Request, id: &str, deed: &str) -> Result<Response, Error> {
    let (Ok(id), filter) =
        (id.parse::<i64>(), back(request.form().get("back").unwrap_or_default()))
    else {
        return Ok(page::problem(request, 404, "There is no such entry."));
    };
    let stay = format!("/entries/{id}{}", filter.query());
    let list = format!("/{}", filter.query());
    let next = match deed {
        "star" => item::set_starred(id, true).map(|()| stay)?,
        "unstar" => item::set_starred(id, false).map(|()| stay)?,
        "unread" => item::set_read(id, false).map(|()| list)?,
        _ => return Ok(page::problem(request, 404, "There is no such page.")),
    };
    Ok(Response::see_other(&request.link(&next)))
}

/// The filter a form carries with it.
fn back(query: &str) -> Filter {
    Filter::parse(query.strip_prefix('?').unwrap_or(query))
}

/// Answers about the feed whose id is the text `id`, or says that there is none.
fn with_feed(
    request: &Request,
    id: &str,
    answer: impl FnOnce(&Feed) -> Result<Response, Error>,
) -> Result<Response, Error> {
    match id.parse().ok().map(feed::get).transpose()?.flatten() {
        Some(feed) => answer(&feed),
        None => Ok(page::problem(request, 404, "There is no such feed.")),
    }
}
