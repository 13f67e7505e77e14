//! Follows one update to its end, through the restart of core itself, and judges how it ended.

use std::time::{Duration, Instant};

use newleaf_domain::{Target, UpdateId};
use newleaf_launcher::journal::{Ending, Outcome, StepId};
use newleaf_launcher::state::Way;
use newleaf_update::port::Reach;
use newleaf_update::view::{AppRow, Journey, JourneyStanding, Report, StepStanding};

use super::Context;
use crate::cli::Exit;
use crate::cli::door::NextEvent;
use crate::cli::show::Follower;
use crate::route::{Kind, Problem, Started, UpdateEvent, kind_of};

/// How long a silent host is waited for. A switch of core with two hanging tries takes some 70 s
/// with the default waits.
const COMES_BACK_WITHIN: Duration = Duration::from_mins(3);

/// Pause between two tries to reach the host.
const RETRY: Duration = Duration::from_millis(250);

/// Prints an update's events until it has ended, then how it ended; then the same of every hop that
/// its plan goes on with.
pub(super) async fn to_the_end(context: Context<'_>, started: &Started) -> Result<Exit, Problem> {
    let mut id = started.id.clone();
    loop {
        let report = report_of(context, &id).await?;
        if let Some(problem) = failure_of(&report, reach_of(context)) {
            return Err(problem);
        }
        let app = row_of(context, &report).await;
        context.screen.say(&sentence(&report, reach_of(context), app.as_ref()));
        match next_hop(context, &report).await? {
            Some(next) => id = next,
            None => return Ok(Exit::Done),
        }
    }
}

/// The update that the plan goes on with after `over`; none where that was the last, or the next
/// one waits for a start of the host.
async fn next_hop(context: Context<'_>, over: &Report) -> Result<Option<UpdateId>, Problem> {
    let path = format!("/api/v1/plans/{}/journey", over.plan);
    let since = Instant::now();
    loop {
        match context.door.get::<Journey>(&path).await {
            Ok(journey) => {
                let next = journey.number_of(&over.id).and_then(|at| journey.hops.get(at));
                if let Some(update) = next.and_then(|hop| hop.update.clone()) {
                    return Ok(Some(update));
                }
                if let JourneyStanding::Stopped { why } = journey.standing {
                    return Err(stopped(over, &why));
                }
                if journey.standing != JourneyStanding::UnderWay {
                    return Ok(None);
                }
            }
            // No plan led here, such as on the way back.
            Err(problem) if problem.is(Kind::NotFound) => return Ok(None),
            Err(problem) if !context.door.may_come_back() || is_final(&problem) => {
                return Err(problem);
            }
            Err(problem) if since.elapsed() > COMES_BACK_WITHIN => return Err(problem),
            Err(_) => {}
        }
        if since.elapsed() > COMES_BACK_WITHIN {
            return Err(stopped(over, "its next hop did not begin"));
        }
        tokio::time::sleep(RETRY).await;
    }
}

fn stopped(over: &Report, why: &str) -> Problem {
    Problem::new(Kind::Failed, format!("go on with the plan: {why}"))
        .state(format!("{} {} serves", over.target, over.to))
        .done("the hops before were carried out")
        .todo(format!("make a new plan from here: newleaf plan {}", over.target))
}

async fn report_of(context: Context<'_>, id: &UpdateId) -> Result<Report, Problem> {
    let path = format!("/api/v1/updates/{id}/events");
    let mut follower = Follower::new(context.screen);
    let mut seen = 0;
    let mut last_word = Instant::now();
    let mut interrupted = None;
    loop {
        match context.door.events(&path, seen).await {
            Ok(mut events) => {
                while let NextEvent::Event(event) = events.next().await {
                    last_word = Instant::now();
                    follower.see(&event);
                    match *event {
                        UpdateEvent::Record(record) => seen = seen.max(record.seq),
                        UpdateEvent::Progress { .. } => {}
                        UpdateEvent::Ended(report) if is_over(&report) => return Ok(*report),
                        // It was taken up again since: what follows tells how it ends.
                        UpdateEvent::Ended(_) => {}
                    }
                }
                if !context.door.may_come_back() {
                    return Err(unrecorded(id));
                }
                if let Some(why) = interruption(context, id).await {
                    let since = *interrupted.get_or_insert_with(|| {
                        context.screen.say(&format!("interrupted: {why}"));
                        Instant::now()
                    });
                    if since.elapsed() > COMES_BACK_WITHIN {
                        return Err(stands_still(id, &why));
                    }
                } else {
                    interrupted = None;
                }
            }
            Err(problem) if !context.door.may_come_back() || is_final(&problem) => {
                return Err(problem);
            }
            Err(problem) if last_word.elapsed() > COMES_BACK_WITHIN => {
                return Err(lost_sight(id, &problem));
            }
            Err(_) => {}
        }
        follower.waits();
        tokio::time::sleep(RETRY).await;
    }
}

/// Whether a report is of an update that has ended: without an ending nothing is known of it.
const fn is_over(report: &Report) -> bool {
    report.ending.is_some()
}

/// Nobody is left who could record the end: the disk of this folder did not take it.
fn unrecorded(id: &UpdateId) -> Problem {
    Problem::new(Kind::Failed, format!("record the end of update {id}: the disk did not take it"))
        .state("no host runs on this folder")
        .done("the update stopped; the next start or command clears it up")
        .todo("see to the disk, then run the command again")
}

/// Why the update stands still, where the host says so.
async fn interruption(context: Context<'_>, id: &UpdateId) -> Option<String> {
    let report = context.door.get::<Report>(&format!("/api/v1/updates/{id}")).await;
    report.ok()?.interrupted
}

/// The host waits for its disk, and may do so for long.
fn stands_still(id: &UpdateId, why: &str) -> Problem {
    Problem::new(Kind::Failed, format!("end update {id}: {why}"))
        .state("the update stands still")
        .done("what was written down so far is kept")
        .todo("make room on the disk, or mend it; the host then ends the update by itself")
}

/// Whether asking again could not help.
fn is_final(problem: &Problem) -> bool {
    problem.is(Kind::NotFound) || problem.is(Kind::Forbidden) || problem.is(Kind::NotSignedIn)
}

/// The host does not answer any more: what became of the update is written down where it runs.
fn lost_sight(id: &UpdateId, problem: &Problem) -> Problem {
    Problem::new(problem.kind, format!("follow update {id}: {}", problem.detail))
        .state(format!("update {id} was begun; how far it came is not known here"))
        .done("the host goes on with it, or takes it back, by itself as soon as it runs")
        .todo(
            "newleaf status tells how far it came; where no host runs, start it again: newleaf serve",
        )
}

/// The app that was updated, as it stands now; none for core, or where the host does not say.
async fn row_of(context: Context<'_>, report: &Report) -> Option<AppRow> {
    let Target::App(app) = &report.target else { return None };
    context.door.get(&format!("/api/v1/apps/{app}")).await.ok()
}

fn reach_of(context: Context<'_>) -> Reach {
    if context.door.may_come_back() { Reach::Host } else { Reach::Folder }
}

fn sentence(report: &Report, reach: Reach, app: Option<&AppRow>) -> String {
    let Report { target, to, .. } = report;
    if report.ending == Some(Ending::Deferred) {
        return format!("{target} {to} is staged and takes effect at next start");
    }
    let came = match report.way {
        Way::Forward => format!("{target} {to} is installed"),
        // Going back twice ends where it began.
        Way::Back if report.from.as_ref().is_some_and(|from| from < to) => {
            format!("{target} is {to} again")
        }
        Way::Back => format!("{target} went back to {to}"),
    };
    let off = app.and_then(|app| app.stopped.as_ref());
    match (off, reach, report.way) {
        (Some(why), ..) => {
            format!(
                "{came} and does not serve: {why}\n  switch it on: newleaf apps enable {target}"
            )
        }
        (None, Reach::Folder, _) => format!("{came} and serves once the host runs"),
        (None, Reach::Host, Way::Forward) => format!("{came} and serves"),
        (None, Reach::Host, Way::Back) => match switched_on(report) {
            Some(how) => format!("{came}; {how}"),
            None => came,
        },
    }
}

/// What the step says that lets requests go on, where it did more than that.
fn switched_on(report: &Report) -> Option<&str> {
    let row = report.steps.iter().find(|row| row.step == StepId::Release)?;
    match &row.standing {
        StepStanding::Over { outcome: Outcome::Done { detail } } if !detail.is_empty() => {
            Some(detail)
        }
        StepStanding::Over { .. }
        | StepStanding::Waiting
        | StepStanding::Running
        | StepStanding::Failed { .. } => None,
    }
}

/// The failure in four lines, where the update did not simply succeed.
fn failure_of(report: &Report, reach: Reach) -> Option<Problem> {
    let kind = kind_of(report.exit_class()?);
    let failure = report.failure().map(|(_, failure)| failure);
    let reason = report.reason.clone().unwrap_or_else(|| "no reason was recorded".to_owned());
    let state = match (&report.from, reach) {
        (Some(from), Reach::Host) => format!("{} {from} serves", report.target),
        (Some(from), Reach::Folder) => {
            format!("no host runs; {} {from} is installed", report.target)
        }
        (None, _) => format!("{} is not installed", report.target),
    };
    let problem =
        Problem::new(kind, failure.map_or(reason, |failure| failure.what.clone())).state(state);
    Some(match failure {
        Some(failure) => problem.done(failure.done.clone()).todo(failure.todo.clone()),
        None => problem.done("the version before was put back").todo(format!(
            "look up what happened: newleaf history, or update {} in the portal",
            report.id
        )),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(way: &str, from: &str, to: &str, released: &str) -> Report {
        let outcome = Outcome::Done { detail: released.to_owned() };
        let mut report: Report = serde_json::from_value(json!({
            "id": "1763692200-0123abcd-17", "target": "acme/notes", "from": from, "to": to,
            "plan": "0123abcd".repeat(8), "way": way, "by": "cli:root",
            "began": "2026-11-21T02:30:00Z", "ended": "2026-11-21T02:31:00Z",
            "ending": "committed", "reason": null, "steps": [], "seq": 9,
        }))
        .unwrap();
        report.steps.push(newleaf_update::view::StepReport {
            step: StepId::Release,
            standing: StepStanding::Over { outcome },
            progress: None,
            started: None,
            finished: None,
            undoable: newleaf_launcher::journal::Undoable::NothingChanged,
        });
        report
    }

    fn off(why: &str) -> AppRow {
        let row = json!({
            "id": "acme/notes", "name": "Notes", "summary": "", "version": "2.0.0",
            "path": "/apps/acme/notes/", "serving": false, "stopped": why,
            "offer": null, "blocked": null, "candidates": [], "undo": null,
        });
        serde_json::from_value(row).unwrap()
    }

    #[test]
    fn a_report_without_an_ending_is_not_taken_for_one_of_success() {
        let mut report = report("forward", "1.0.0", "2.0.0", "");
        assert!(is_over(&report));
        report.ending = None;
        assert!(!is_over(&report), "a way back has begun since");
    }

    #[test]
    fn an_update_of_an_app_that_is_off_does_not_say_that_it_serves() {
        let report = report("forward", "1.0.0", "2.0.0", "");
        assert_eq!(
            sentence(&report, Reach::Host, None),
            "acme/notes 2.0.0 is installed and serves"
        );
        assert_eq!(
            sentence(&report, Reach::Host, Some(&off("it was switched off by an admin"))),
            "acme/notes 2.0.0 is installed and does not serve: it was switched off by an admin\n  \
             switch it on: newleaf apps enable acme/notes"
        );
        assert_eq!(
            sentence(&report, Reach::Folder, None),
            "acme/notes 2.0.0 is installed and serves once the host runs"
        );
    }

    #[test]
    fn going_back_twice_is_told_as_what_it_is() {
        let told =
            |from, to, released| sentence(&report("back", from, to, released), Reach::Host, None);
        assert_eq!(told("2.0.0", "1.0.0", ""), "acme/notes went back to 1.0.0");
        assert_eq!(told("1.0.0", "2.0.0", ""), "acme/notes is 2.0.0 again");
        assert_eq!(
            told("2.0.0", "1.0.0", "it was off, and is switched on again"),
            "acme/notes went back to 1.0.0; it was off, and is switched on again"
        );
    }

    #[test]
    fn a_host_that_went_away_is_not_said_to_have_changed_nothing() {
        let id = UpdateId::parse("1763692200-0123abcd-17").unwrap();
        let problem = lost_sight(&id, &Problem::new(Kind::Unreachable, "ask the host"));
        assert!(problem.is(Kind::Unreachable));
        assert!(!problem.lines().join(" ").contains("nothing was changed"), "{problem:?}");
        assert!(problem.todo.starts_with("newleaf status tells"), "{}", problem.todo);
    }
}
