//! The page on which a poll is made.

use newleaf_sdk::{Request, Response, escape};

use super::{fate, frame::page};
use crate::{
    draft::{self, Draft, Kind, MAX_NOTE, MAX_QUESTION, Results},
    kept::Kept,
    time,
};

/// The form for a new poll, with what was typed and what is wrong with it.
pub(crate) fn ask(request: &Request, draft: &Draft, wrong: Option<&str>, now: i64) -> Response {
    let alert = wrong
        .map(|wrong| format!(r#"<p class="problem" role="alert" id="why">{}</p>"#, escape(wrong)))
        .unwrap_or_default();
    let checked = |yes: bool| if yes { " checked" } else { "" };
    let (kind, results, kept) = (draft.kind, draft.results, Kept::parse(&draft.kept));
    let main = format!(
        r#"<h1>Make a poll</h1>{alert}<form class="edit" method="post" action="{}">
<label for="question">Question</label><input id="question" name="question" required maxlength="{MAX_QUESTION}" value="{}" placeholder="Where shall we meet?">
<label for="note">Explanation <small>may be left empty</small></label><textarea id="note" name="note" rows="3" maxlength="{MAX_NOTE}">
{}</textarea>
<label for="choices">Choices <small>2 to 20, each on a line of its own</small></label><textarea id="choices" name="choices" rows="6" required>
{}</textarea>
<fieldset><legend>Each person chooses</legend>
<label class="pick"><input type="radio" name="kind" value="single"{}> one</label>
<label class="pick"><input type="radio" name="kind" value="multiple"{}> one or several</label></fieldset>
<fieldset><legend>Results are shown</legend>
<label class="pick"><input type="radio" name="results" value="always"{}> to all, at once</label>
<label class="pick"><input type="radio" name="results" value="voted"{}> to those who have voted</label>
<label class="pick"><input type="radio" name="results" value="closed"{}> when the poll has closed</label></fieldset>
<label for="closes">Closes <small>in UTC, where it is {} now; empty: when you close it</small></label>
<input id="closes" type="datetime-local" name="closes" value="{}" min="{}">
<label for="kept">Deleted by itself <small>with all its votes, at a midnight in UTC</small></label>
{}{}
<div class="bar"><button class="main">Make the poll</button></div></form>"#,
        escape(&request.link("/polls")),
        escape(&draft.question),
        escape(&draft.note),
        escape(&draft.choices.join("\n")),
        checked(kind == Kind::Single),
        checked(kind == Kind::Multiple),
        checked(results == Results::Always),
        checked(results == Results::Voted),
        checked(results == Results::Closed),
        time::shown(now).trim_end_matches(" UTC"),
        escape(&draft.closes),
        time::value(now),
        fate::choice(kept),
        day_of(kept, draft, now),
    );
    let page = page(request, "Make a poll", &main);
    if wrong.is_some() { page.with_status(422) } else { page }
}

/// The day on which a poll would go, where what was typed tells it.
fn day_of(kept: Option<Kept>, draft: &Draft, now: i64) -> String {
    let closes = draft::closing(&draft.closes, now).ok().flatten();
    let gone = kept.zip(closes).and_then(|(kept, closes)| kept.gone(closes));
    gone.map(|gone| format!(r#"<p class="faint">{}</p>"#, fate::on(gone))).unwrap_or_default()
}
