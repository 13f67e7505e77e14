//! The pages for those who vote: the ballot, and the results.

use std::fmt::Write as _;

use newleaf_sdk::{Request, Response, escape};

use super::{chart::chart, fate::fate, frame::page};
use crate::{
    draft::{Kind, Results},
    poll::Poll,
    time,
    vote::Tally,
    voter::Voter,
};

/// Seconds after which the results of an open poll are asked for anew.
const LIVE: u32 = 5;

/// What the last form did, for the next page to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Nothing.
    Nothing,
    /// The vote was counted.
    Counted,
    /// The vote stands in the place of the one before.
    Changed,
    /// The poll closed before the vote came.
    TooLate,
    /// The form was empty.
    NoChoice,
    /// The form was not from a page of this browser.
    NoCookie,
}

impl Notice {
    const fn sentence(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Nothing => None,
            Self::Counted => Some(("done", "Your vote is counted.")),
            Self::Changed => Some(("done", "Your vote is changed; it still counts once.")),
            Self::TooLate => {
                Some(("problem", "The poll closed before your vote came; it is not counted."))
            }
            Self::NoChoice => Some(("problem", "Please choose something. Nothing was counted.")),
            Self::NoCookie => Some((
                "problem",
                "Nothing was counted, since your browser did not send back this poll's cookie. \
                 Please allow it and vote again; it says nothing about you.",
            )),
        }
    }
}

/// The ballot.
pub(crate) fn vote(
    request: &Request,
    poll: &Poll,
    voter: &Voter,
    own: &[i64],
    notice: Notice,
    now: i64,
) -> Response {
    let mut main = head(poll, notice);
    let action = request.link(&format!("/p/{}", poll.name));
    let (kind, hint) = match poll.kind {
        Kind::Single => ("radio", "Choose one"),
        Kind::Multiple => ("checkbox", "Choose one or several"),
    };
    let _ = write!(
        main,
        r#"<form class="ballot" method="post" action="{}"><input type="hidden" name="token" value="{}"><fieldset><legend>{hint}</legend>"#,
        escape(&action),
        escape(&voter.token),
    );
    for choice in &poll.choices {
        let checked = if own.contains(&choice.id) { " checked" } else { "" };
        let (name, value) = match poll.kind {
            Kind::Single => ("choice".to_owned(), choice.id.to_string()),
            Kind::Multiple => (format!("choice-{}", choice.id), "on".to_owned()),
        };
        let required = if poll.kind == Kind::Single { " required" } else { "" };
        let _ = write!(
            main,
            r#"<label class="pick"><input type="{kind}" name="{name}" value="{value}"{checked}{required}> <span>{}</span></label>"#,
            escape(&choice.text),
        );
    }
    let words = if own.is_empty() { "Vote" } else { "Change my vote" };
    let _ = write!(main, r#"</fieldset><div class="bar"><button class="main">{words}</button>"#);
    if poll.results == Results::Always || (poll.results == Results::Voted && !own.is_empty()) {
        let link = request.link(&format!("/p/{}/results", poll.name));
        let _ = write!(main, r#"<a class="button" href="{}">Results</a>"#, escape(&link));
    }
    main.push_str("</div></form>");
    let _ = write!(
        main,
        r#"<p class="faint">Anonymous, one vote a browser.{} {}</p>"#,
        poll.life.closes.map(|at| format!(" Open until {}.", time::shown(at))).unwrap_or_default(),
        match poll.results {
            Results::Always => "Anybody with this link sees the results.",
            Results::Voted => "Results are shown to those who have voted.",
            Results::Closed => "Results are shown when the poll has closed.",
        }
    );
    main.push_str(&fate(poll, now));
    page(request, &poll.question, &main)
}

/// The results; none where they may not be seen yet.
pub(crate) fn results(
    request: &Request,
    poll: &Poll,
    tally: Option<&Tally>,
    own: &[i64],
    notice: Notice,
    now: i64,
) -> Response {
    let mut main = head(poll, notice);
    let open = poll.life.is_open(now);
    let live = open && tally.is_some() && request.query("live").is_none_or(|live| live != "no");
    match tally {
        Some(tally) => chart(&mut main, poll, tally, own),
        None if open && poll.results == Results::Voted => {
            main.push_str(r#"<p class="empty">The results are shown to those who have voted.</p>"#);
        }
        None => {
            main.push_str(
                r#"<p class="empty">The results are shown when the poll has closed.</p>"#,
            );
        }
    }
    let here = request.link(&format!("/p/{}/results", poll.name));
    main.push_str(r#"<div class="bar">"#);
    if open {
        let words = if own.is_empty() { "Vote" } else { "Change my vote" };
        let link = request.link(&format!("/p/{}", poll.name));
        let _ = write!(main, r#"<a class="button main" href="{}">{words}</a>"#, escape(&link));
    }
    if live {
        let _ = write!(
            main,
            r#"<a class="button" href="{}?live=no">Stop following</a></div><p class="faint">Renewed every {LIVE} seconds.</p>"#,
            escape(&here)
        );
    } else if open && tally.is_some() {
        let _ = write!(main, r#"<a class="button" href="{}">Follow live</a></div>"#, escape(&here));
    } else {
        main.push_str("</div>");
    }
    main.push_str(&fate(poll, now));
    let page = page(request, &poll.question, &main);
    // By a header, so that it needs no script; to the address without the notice.
    if live { page.header("refresh", &format!("{LIVE}; url={here}")) } else { page }
}

fn head(poll: &Poll, notice: Notice) -> String {
    let mut head = String::new();
    if let Some((class, sentence)) = notice.sentence() {
        let role = if class == "done" { "status" } else { "alert" };
        let _ = write!(head, r#"<p class="{class}" role="{role}">{sentence}</p>"#);
    }
    let _ = write!(head, "<h1>{}</h1>", escape(&poll.question));
    if !poll.note.is_empty() {
        let _ = write!(head, r#"<p class="note">{}</p>"#, escape(&poll.note));
    }
    head
}
