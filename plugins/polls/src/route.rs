//! Which page or deed a request is for. Only what is posted from this app's own pages changes
//! anything; a vote needs the poll's cookie and the token that belongs to it besides.

use newleaf_sdk::{Error, Form, Request, Response};
use serde_json::json;

use crate::{
    csv,
    draft::{self, Draft, Kind, Results},
    page::{self, Notice},
    poll::{self, Made, Poll, now},
    vote::{self, Cast, Tally},
    voter::Voter,
};

/// What is said where no further poll is kept.
const FULL: &str = "There are 1,000 polls already, which is the most. Delete some that are over.";

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
            "There is no room left; nothing was kept. Polls that are over can be deleted.",
        ),
        Err(Error::Busy) => {
            let sentence = "Too many come at once; nothing was kept. Please try again.";
            page::problem(request, 503, sentence).header("retry-after", "2")
        }
        Err(error) => {
            // Without the path: it may hold a poll's secret.
            newleaf_sdk::log::error(&format!("{}: {error}", request.method()));
            let sentence =
                "The polls cannot be reached right now; nothing was kept. Please try again.";
            page::problem(request, 500, sentence)
        }
    }
}

fn answer(request: &Request) -> Result<Response, Error> {
    let segments = request.segments();
    match (request.method(), segments.as_slice()) {
        ("GET" | "HEAD", []) => Ok(page::ask(request, &Draft::default(), None, now())),
        ("GET" | "HEAD", ["style.css"]) => Ok(page::style()),
        ("GET" | "HEAD", ["icon.svg"]) => Ok(page::icon()),
        ("POST", ["polls"]) => make(request),
        ("GET" | "HEAD", ["p", name]) => with(request, name, |poll| ballot(request, poll)),
        ("POST", ["p", name]) => with(request, name, |poll| cast(request, poll)),
        ("GET" | "HEAD", ["p", name, "results"]) => {
            with(request, name, |poll| results(request, poll, notice(request)))
        }
        ("GET" | "HEAD", ["p", name, "results.json"]) => {
            with(request, name, |poll| results_json(request, poll))
        }
        (_, ["keep", name, secret, rest @ ..]) => with(request, name, |poll| {
            if poll.is_kept_by(secret) {
                keep(request, poll, secret, rest)
            } else {
                Ok(missing(request))
            }
        }),
        _ => Ok(page::problem(request, 404, "There is no such page.")),
    }
}

fn make(request: &Request) -> Result<Response, Error> {
    let draft = Draft::read(&request.form());
    let terms = match draft.check(now()) {
        Ok(terms) => terms,
        Err(why) => return Ok(page::ask(request, &draft, Some(&why), now())),
    };
    Ok(match poll::make(&draft, terms)? {
        Some(made) => to_keeper(request, &made),
        None => page::ask(request, &draft, Some(FULL), now()),
    })
}

/// Leads who made a poll to the page behind its secret link.
fn to_keeper(request: &Request, made: &Made) -> Response {
    let link = request.link(&format!("/keep/{}/{}", made.name, made.secret));
    Response::see_other(&link).header("cache-control", "no-store")
}

fn ballot(request: &Request, poll: &Poll) -> Result<Response, Error> {
    if !poll.life.is_open(now()) {
        return results(request, poll, notice(request));
    }
    let (voter, new) = Voter::of(request).map_or_else(|| (Voter::new(), true), |v| (v, false));
    let own = if new { Vec::new() } else { vote::of(poll, &voter.mark)? };
    let page = page::vote(request, poll, &voter, &own, notice(request), now());
    let path = request.link(&format!("/p/{}", poll.name));
    Ok(if new { page.header("set-cookie", &voter.cookie(&path)) } else { page })
}

fn cast(request: &Request, poll: &Poll) -> Result<Response, Error> {
    let here = request.link(&format!("/p/{}", poll.name));
    let back = |said: &str| Response::see_other(&format!("{here}?said={said}"));
    let form = request.form();
    let Some(voter) =
        Voter::of(request).filter(|voter| voter.sent(form.get("token").unwrap_or_default()))
    else {
        return Ok(back("no-cookie"));
    };
    let choices = chosen(poll, &form);
    if choices.is_empty() {
        return Ok(back("no-choice"));
    }
    let said = match vote::cast(poll, &voter.mark, &choices)? {
        Cast::Counted => "counted",
        Cast::Changed => "changed",
        Cast::Closed => "too-late",
    };
    Ok(Response::see_other(&format!("{here}/results?said={said}")))
}

/// The poll's own choices that the form names.
fn chosen(poll: &Poll, form: &Form) -> Vec<i64> {
    let ids = poll.choices.iter().map(|choice| choice.id);
    match poll.kind {
        Kind::Single => {
            let named = form.get("choice").and_then(|id| id.parse().ok());
            ids.filter(|id| named == Some(*id)).collect()
        }
        Kind::Multiple => ids.filter(|id| form.get(&format!("choice-{id}")).is_some()).collect(),
    }
}

fn results(request: &Request, poll: &Poll, notice: Notice) -> Result<Response, Error> {
    let (tally, own) = visible(request, poll)?;
    Ok(page::results(request, poll, tally.as_ref(), &own, notice, now()))
}

/// The counts, where who asks may see them now, and what this browser voted for.
fn visible(request: &Request, poll: &Poll) -> Result<(Option<Tally>, Vec<i64>), Error> {
    let own = match Voter::of(request) {
        Some(voter) => vote::of(poll, &voter.mark)?,
        None => Vec::new(),
    };
    let may = match poll.results {
        _ if !poll.life.is_open(now()) => true,
        Results::Always => true,
        Results::Voted => !own.is_empty(),
        Results::Closed => false,
    };
    Ok((if may { Some(vote::count(poll)?) } else { None }, own))
}

fn results_json(request: &Request, poll: &Poll) -> Result<Response, Error> {
    let answer = if let Some(tally) = visible(request, poll)?.0 {
        let choices = poll.choices.iter().zip(&tally.votes);
        let choices: Vec<_> =
            choices.map(|(choice, votes)| json!({ "text": choice.text, "votes": votes })).collect();
        let (question, open) = (&poll.question, poll.life.is_open(now()));
        let body = json!({
            "question": question, "open": open, "voters": tally.voters, "choices": choices,
        });
        Response::json(body.to_string())
    } else {
        let body = json!({ "status": 403, "title": "the results are not shown yet" });
        Response::of("application/problem+json", body.to_string()).with_status(403)
    };
    Ok(answer.header("cache-control", "no-store").header("x-content-type-options", "nosniff"))
}

/// What the keeper of a poll asks for.
fn keep(request: &Request, poll: &Poll, secret: &str, rest: &[&str]) -> Result<Response, Error> {
    let here = request.link(&format!("/keep/{}/{secret}", poll.name));
    let back = Response::see_other(&here);
    let refused = |why: &str| {
        let tally = vote::count(poll)?;
        Ok(page::keep(request, poll, &tally, secret, Some(why), now()))
    };
    match (request.method(), rest) {
        ("GET" | "HEAD", []) => {
            Ok(page::keep(request, poll, &vote::count(poll)?, secret, None, now()))
        }
        ("GET" | "HEAD", ["results.csv"]) => Ok(table(poll, &vote::count(poll)?)),
        ("POST", ["shut"]) => poll::shut(poll.id).map(|()| back),
        ("POST", ["open"]) => {
            let form = request.form();
            match draft::closing(form.get("closes").unwrap_or_default().trim(), now()) {
                Ok(closes) => poll::open(poll.id, closes).map(|()| back),
                Err(why) => refused(&why),
            }
        }
        ("POST", ["kept"]) => {
            match draft::keeping(request.form().get("kept").unwrap_or_default()) {
                Ok(kept) => poll::keep(poll.id, kept).map(|()| back),
                Err(why) => refused(&why),
            }
        }
        ("POST", ["again"]) => match poll::again(poll)? {
            Some(made) => Ok(to_keeper(request, &made)),
            None => refused(FULL),
        },
        ("POST", ["delete"]) => {
            poll::delete(poll.id)?;
            Ok(Response::see_other(&request.link("/")))
        }
        _ => Ok(missing(request)),
    }
}

/// The results as CSV.
fn table(poll: &Poll, tally: &Tally) -> Response {
    // The mark at the start tells spreadsheets that this is UTF-8.
    let mut out = String::from("\u{feff}");
    csv::push_line(&mut out, &["Choice", "Votes", "Share of voters"]);
    for (choice, votes) in poll.choices.iter().zip(&tally.votes) {
        let share = page::percent(*votes, tally.voters);
        csv::push_line(&mut out, &[&choice.text, &votes.to_string(), &share]);
    }
    csv::push_line(&mut out, &["Voters", &tally.voters.to_string(), ""]);
    Response::of("text/csv; charset=utf-8", out)
        .header("content-disposition", "attachment; filename=\"results.csv\"")
        .header("x-content-type-options", "nosniff")
        .header("cache-control", "no-store")
}

/// What the address says that the last form did.
fn notice(request: &Request) -> Notice {
    match request.query("said").as_deref() {
        Some("counted") => Notice::Counted,
        Some("changed") => Notice::Changed,
        Some("too-late") => Notice::TooLate,
        Some("no-choice") => Notice::NoChoice,
        Some("no-cookie") => Notice::NoCookie,
        Some(_) | None => Notice::Nothing,
    }
}

/// Answers about the poll called `name`, or says that there is none.
fn with(
    request: &Request,
    name: &str,
    answer: impl FnOnce(&Poll) -> Result<Response, Error>,
) -> Result<Response, Error> {
    match poll::get(name)? {
        Some(poll) => answer(&poll),
        None => Ok(missing(request)),
    }
}

/// The same for a poll that is not there and for a secret that is wrong.
fn missing(request: &Request) -> Response {
    page::problem(request, 404, "There is no such poll; it may have been deleted.")
}
