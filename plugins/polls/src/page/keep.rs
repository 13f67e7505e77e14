//! The page behind the secret link: the links, the results, and how the poll is looked after.

use std::fmt::Write as _;

use newleaf_sdk::{Request, Response, escape};

use super::{
    chart::chart,
    fate::{self, fate},
    frame::page,
};
use crate::{poll::Poll, time, vote::Tally};

/// All that who made the poll sees and can do; `base` is the address of this page.
pub(crate) fn keep(
    request: &Request,
    poll: &Poll,
    tally: &Tally,
    secret: &str,
    wrong: Option<&str>,
    now: i64,
) -> Response {
    let base = request.link(&format!("/keep/{}/{secret}", poll.name));
    let open = poll.life.is_open(now);
    let mut main = String::new();
    if let Some(wrong) = wrong {
        let _ = write!(main, r#"<p class="problem" role="alert">{}</p>"#, escape(wrong));
    }
    let _ = write!(main, "<h1>{}</h1>", escape(&poll.question));
    let state = match (open, poll.life.closes) {
        (true, Some(at)) => format!("Open until {}.", time::shown(at)),
        (true, None) => "Open until you close it.".to_owned(),
        (false, Some(at)) if !poll.life.shut => format!("Closed since {}.", time::shown(at)),
        (false, _) => "Closed.".to_owned(),
    };
    let _ = write!(main, r#"<p class="faint">{state}</p>{}"#, fate(poll, now));
    links(&mut main, request, poll, &base);
    main.push_str("<h2>Results</h2>");
    chart(&mut main, poll, tally, &[]);
    let _ = write!(
        main,
        r#"<div class="bar"><a class="button" href="{}/results.csv" download="results.csv">Results as CSV</a> <a class="button" href="{}">Renew</a></div>"#,
        escape(&base),
        escape(&base),
    );
    deeds(&mut main, poll, &base, now);
    let page = page(request, &poll.question, &main);
    if wrong.is_some() { page.with_status(422) } else { page }
}

fn links(out: &mut String, request: &Request, poll: &Poll, base: &str) {
    let vote = request.link(&format!("/p/{}", poll.name));
    let _ = write!(
        out,
        r#"<dl class="links"><dt>To vote <small>send this one round</small></dt><dd><a href="{0}">{1}</a></dd>
<dt>To look after the poll <small>keep this one secret; it cannot be found again</small></dt><dd><a href="{2}">{3}</a></dd></dl>"#,
        escape(&vote),
        escape(&shown(request, &vote)),
        escape(base),
        escape(&shown(request, base)),
    );
}

/// An address as it can be copied: with the host the browser asked, where that is known.
fn shown(request: &Request, link: &str) -> String {
    format!("{}{link}", request.authority().unwrap_or_default())
}

fn deeds(out: &mut String, poll: &Poll, base: &str, now: i64) {
    let base = escape(base);
    out.push_str("<h2>Look after it</h2>");
    if poll.life.is_open(now) {
        let _ = write!(
            out,
            r#"<div class="bar"><form method="post" action="{base}/shut"><button>Close it now</button></form></div>"#
        );
    } else {
        let _ = write!(
            out,
            r#"<form class="edit" method="post" action="{base}/open"><label for="closes">Open it again until <small>in UTC; empty: until you close it</small></label>
<div class="bar"><input id="closes" type="datetime-local" name="closes" min="{}"><button>Open</button></div></form>"#,
            time::value(now),
        );
    }
    let _ = write!(
        out,
        r#"<form class="edit" method="post" action="{base}/kept"><label for="kept">Deleted by itself <small>with all its votes, at a midnight in UTC</small></label>
<div class="bar">{}<button>Save</button></div></form>
<div class="bar"><form method="post" action="{base}/again"><button>Ask it again</button></form></div>
<p class="faint">That makes a new poll with the same question, choices and rules, without votes, open until you close it; this one stays as it is.</p>"#,
        fate::choice(Some(poll.life.kept)),
    );
    let _ = write!(
        out,
        r#"<div class="bar"><details class="sure"><summary class="button">Delete</summary><form method="post" action="{base}/delete"><p>Delete this poll with all its votes, for good?</p><button class="danger">Yes, delete</button></form></details></div>"#
    );
}
